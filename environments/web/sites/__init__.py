"""Web sites of our own, each with a database behind it: a shop, a forum, a travel agency."""
