"""The command `forecast`: what follows the table."""
