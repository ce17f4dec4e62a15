"""What is asked: questionnaires as files, checked, and released as numbered versions that never change again."""
