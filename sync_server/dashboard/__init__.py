"""The pages administrators and staff read. They show what the rooms below have computed and compute nothing themselves."""
