"""How the numbers of a linear layer are stored: in which tensors, and what multiplies with them."""

from max.nn.linear.schemes.choice import scheme_of, stored_in_schemes
from max.nn.linear.schemes.plain import Plain
from max.nn.linear.schemes.scaled import Scaled
from max.nn.linear.schemes.scheme import LinearScheme

__all__ = ["LinearScheme", "Plain", "Scaled", "scheme_of", "stored_in_schemes"]
