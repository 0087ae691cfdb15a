"""Django finds this folder by its name."""
