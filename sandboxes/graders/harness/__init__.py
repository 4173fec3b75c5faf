"""What graders send into boxes: stdlib only, Python 3.9 and newer, each file shipped as source."""
