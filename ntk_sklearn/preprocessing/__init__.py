"""Transformers: of tables, of sequences, and of whatever a kernel takes."""

from ._network_gram import NetworkGram
from ._sequence_packer import SequencePacker
from ._table_encoder import TableEncoder

__all__ = ["NetworkGram", "SequencePacker", "TableEncoder"]
