"""Pictures of a life as SVG: pure functions from numbers to text, the same for a page, for print and for a file."""
