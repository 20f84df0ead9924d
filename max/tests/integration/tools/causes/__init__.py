"""Why a tensor departs: changes of our computation, tried on our own inputs.

Each module here tries what is usually wrong with one kind of layer: it computes what we would have
got with the change, and holds it against PyTorch's tensor.
"""
