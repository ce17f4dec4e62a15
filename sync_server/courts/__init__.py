"""Courts, their exits, and which device stood where and when. The lowest room: it knows nothing of answers."""
