"""The server's commands by subject. None imports models at its top: each sets Django up first, or does without."""
