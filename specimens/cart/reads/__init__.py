"""Reading carts, what is in them, pick lists and folders."""
