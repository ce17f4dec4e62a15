"""The accessible mode for the ear: what is said of each scene, and when. It neither decides about a visit nor plays a sound."""
