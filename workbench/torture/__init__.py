"""What a device must survive, done to the real programs: power cuts, cards that fail, kills. Nothing here ships."""
