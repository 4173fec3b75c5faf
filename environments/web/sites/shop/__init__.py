"""Shop: search, filters, cart, checkout, orders, wishlist, reviews."""
