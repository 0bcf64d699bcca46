"""Eight numbers at once, as a type of compiled code.

The compiler finds vectors in loops by itself, but takes one vector at a time. Of a long
formula most operations then only fetch its constants, and each waits for the one
before. Eight numbers are two vectors or one: constants are fetched once for both, and
one works while the other waits. A compiled function of numbers is one of eights as
well, if it adds, multiplies, divides and takes roots, and chooses by `where_less`
instead of by conditions.
"""

import math
import operator
from functools import partial

from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

_VECTOR = ir.VectorType(ir.DoubleType(), 8)
# As everywhere in compiled code; see `jit`.
_FLAGS = ("contract",)


class EightType(types.Type):
    """The type of eight numbers."""

    def __init__(self):
        super().__init__("Eight")


EIGHT = EightType()


@register_model(EightType)
class _EightModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _VECTOR)


def _filled(builder, value):
    """Return a number eight times; eight numbers as they are."""
    if value.type == _VECTOR:
        return value
    first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, _int(0))
    return builder.shuffle_vector(first, first, _order([0] * 8))


def _int(value):
    return ir.Constant(ir.IntType(32), value)


def _order(places):
    return ir.Constant(ir.VectorType(ir.IntType(32), len(places)), list(places))


# -- operations -----------------------------------------------------------------------


def _combine(name, _context, builder, _signature, arguments):
    filled = [_filled(builder, value) for value in arguments]
    return getattr(builder, name)(*filled, flags=_FLAGS)


def _call(name, _context, builder, _signature, arguments):
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    function = builder.module.declare_intrinsic(f"{name}.v8f64", fnty=kind)
    return builder.call(function, arguments)


def _define(operation, cases, generate):
    """Make an operation of numbers one of eights."""
    signatures = [signature(EIGHT, *case) for case in cases]
    template = type("_OfEights", (ConcreteTemplate,), {"cases": signatures})
    infer_global(operation)(template)
    for case in cases:
        lower_builtin(operation, *case)(generate)


_PAIRS = [(EIGHT, EIGHT), (EIGHT, types.float64), (types.float64, EIGHT)]
for _operation, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define(_operation, _PAIRS, partial(_combine, _name))
_define(operator.neg, [(EIGHT,)], partial(_combine, "fneg"))
_define(abs, [(EIGHT,)], partial(_call, "llvm.fabs"))
_define(math.sqrt, [(EIGHT,)], partial(_call, "llvm.sqrt"))


@intrinsic
def where_less(typing, low, high, inside, outside):
    """Return `inside` where ``low < high``, else `outside`, of numbers or of eights."""
    given = low, high, inside, outside
    kind = EIGHT if EIGHT in given else types.float64

    def generate(context, builder, signature, arguments):
        values = [
            value if of == EIGHT else context.cast(builder, value, of, types.float64)
            for value, of in zip(arguments, signature.args, strict=True)
        ]
        if kind == EIGHT:
            values = [_filled(builder, value) for value in values]
        low, high, inside, outside = values
        return builder.select(builder.fcmp_ordered("<", low, high), inside, outside)

    return kind(*given), generate


# -- memory ---------------------------------------------------------------------------


def _pointer(context, builder, kind, array, place, vector=_VECTOR):
    """Return where so many numbers of an array of numbers begin."""
    view = context.make_array(kind)(context, builder, array)
    return builder.bitcast(builder.gep(view.data, [place]), vector.as_pointer())


def _check(array):
    if getattr(array, "layout", None) != "C" or array.ndim != 1:
        raise TypingError(f"numbers must lie side by side, not as in {array}")


@intrinsic
def load_eight(typing, array, place):
    """Return eight numbers of an array, from a place on."""
    _check(array)

    def generate(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        return builder.load(pointer, align=8)

    return EIGHT(array, types.intp), generate


@intrinsic
def store_eight(typing, array, place, value):
    """Write eight numbers, or one eight times, from a place of an array on."""
    _check(array)

    def generate(context, builder, signature, arguments):
        array, place, value = arguments
        pointer = _pointer(context, builder, signature.args[0], array, place)
        builder.store(_filled(builder, value), pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def store_four(typing, array, place, value):
    """Write a number four times, from a place of an array on."""
    _check(array)

    def generate(context, builder, signature, arguments):
        array, place, value = arguments
        vector = ir.VectorType(ir.DoubleType(), 4)
        pointer = _pointer(context, builder, signature.args[0], array, place, vector)
        filled = _filled(builder, value)
        four = builder.shuffle_vector(filled, filled, _order(range(4)))
        builder.store(four, pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.float64), generate


@intrinsic(prefer_literal=True)
def turn_eight(typing, value, by):
    """Return eight numbers in turn: that `by` places on is the first.

    It is one instruction of most processors, if `by` is written out in the code.
    """
    if not isinstance(by, types.IntegerLiteral):
        raise TypingError("by must be a number that is written out")
    places = [(by.literal_value + k) % 8 for k in range(8)]

    def generate(context, builder, signature, arguments):
        return builder.shuffle_vector(arguments[0], arguments[0], _order(places))

    return EIGHT(EIGHT, by), generate
