"""Pure pieces that two or more adapters share. No IO, clock or randomness; import the modules, not this package."""
