"""One explicit file per framework or shop system; nothing is patched, nothing is imported until you import it."""
