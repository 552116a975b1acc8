# Compiled with nothing declared: what it holds are objects.
