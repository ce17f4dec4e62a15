"""What staff use on the device: giving it an identity, and seeing how it is."""
