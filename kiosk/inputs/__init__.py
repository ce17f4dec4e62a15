"""What visitors press: real buttons, and a simulated panel for machines that have none."""
