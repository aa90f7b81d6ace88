"""`python -m omnichannel.cli`: the command, where its script is not on the path."""

from omnichannel.cli import main

main()
