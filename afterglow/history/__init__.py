"""The nights: what all the runs' files together tell, read back from them."""
