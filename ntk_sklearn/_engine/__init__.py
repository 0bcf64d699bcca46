"""The engine: kernel matrices of networks, as functions of arrays.

* `network`: a network as plain values, which is all that the other files know of it.
* `forward`: each input's own variance, layer by layer, and the kernel's diagonal.
* `pairs`: pairs of inputs, a tile at a time, and their correlations.
* `exact`: two rows compared to their own digits.
* `ranks`: the part of inputs that are ranks.
* `recursion`: the recursion over layers, one row of pairs at a time.
* `profile`: the kernel as a polynomial of one variable, where a network has one.
* `tiles`: whole kernel matrices, by either of the two.
* `backward`: one row of pairs back through the layers.
* `first_layer`: from the first layer's derivatives to those in the input columns.
* `profile_contraction`, `contraction`: a matrix contracted with all derivatives.
* `array_layers`, `array_rows`, `array_api`, `array_contraction`: the same matrices and
  contractions for arrays of other libraries, on their devices.
* `full_gradient`: the derivatives of every pair.
* `structured`: covariances and tangents of pairs, step by step, with derivatives.
* `planes`, `convolution`, `images`: convolutional networks, one offset at a time.
* `sequences`: recurrent networks.
* `graphs`: networks on the nodes of a graph, and on whole graphs.
"""
