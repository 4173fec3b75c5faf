"""Task templates of the shop."""

from __future__ import annotations

import random

from envgym.environments.web.sites.goals import Check, Goal, Step, Templates, said
from envgym.environments.web.sites.shop.catalogue import KINDS, SORTS
from envgym.environments.web.sites.shop.site import DELIVERY, Shop
from envgym.environments.web.sites.worlds import CITIES, money, person, street

TEMPLATES = Templates("shop")
_CART = "SELECT product, quantity FROM cart ORDER BY product"
_WISH = "SELECT product FROM wish ORDER BY product"
_ORDERS = (
    "SELECT name, address, city, delivery, gift FROM orders "
    "WHERE id > 3 AND status = 'placed' ORDER BY id"
)
_REVIEWS = (
    "works as it should",
    "arrived in two days",
    "too small for me",
    "a fine present",
    "would buy it again",
    "the handle is loose",
)


def _any(rng: random.Random, shop: Shop, table: str = "") -> tuple[int, str]:
    """Product: of a table, or one that is in neither cart nor wishlist."""
    where = (
        f"id IN (SELECT product FROM {table})"
        if table
        else "id NOT IN (SELECT product FROM cart UNION SELECT product FROM wish)"
    )
    id, name = rng.choice(shop.rows(f"SELECT id, name FROM product WHERE {where} ORDER BY id"))
    return id, name


def _find(name: str) -> list[Step]:
    return [
        ("fill", "Search", name),
        ("click", "button", "Search"),
        ("click", "link", name),
    ]


def _cart(shop: Shop, change: dict[int, int]) -> Check:
    """The cart with some quantities changed; 0 removes a product."""
    held = {**dict(shop.rows(_CART)), **change}
    return Check(_CART, (), sorted((k, v) for k, v in held.items() if v))


@TEMPLATES.add(1)
def add_to_cart(rng: random.Random, shop: Shop) -> Goal:
    """Put one product into the cart."""
    id, name = _any(rng, shop)
    steps = [*_find(name), ("click", "button", "Add to cart")]
    return Goal(f"Put one {name} into the cart.", [_cart(shop, {id: 1})], ["cart"], steps)


@TEMPLATES.add(1)
def remove_from_cart(rng: random.Random, shop: Shop) -> Goal:
    """Take a product out of the cart."""
    id, name = _any(rng, shop, "cart")
    steps = [("cart",), ("click", "button", f"Remove {name}")]
    return Goal(f"Take the {name} out of the cart.", [_cart(shop, {id: 0})], ["cart"], steps)


@TEMPLATES.add(1)
def move_wish(rng: random.Random, shop: Shop) -> Goal:
    """Move a product from the wishlist to the cart."""
    id, name = _any(rng, shop, "wish")
    rest = [(one,) for (one,) in shop.rows(_WISH) if one != id]
    return Goal(
        f"Move the {name} from the wishlist to the cart.",
        [_cart(shop, {id: 1}), Check(_WISH, (), rest)],
        ["cart", "wish"],
        [("click", "link", "Wishlist"), ("click", "button", f"Move {name} to cart")],
    )


@TEMPLATES.add(1)
def newsletter(rng: random.Random, shop: Shop) -> Goal:
    """Change the account."""
    email = f"{person(rng).lower().replace(' ', '.')}@example.net"
    return Goal(
        f"Change the account's e-mail address to {email} and subscribe to the newsletter.",
        [
            Check("SELECT email FROM account", (), [(email,)]),
            Check("SELECT newsletter FROM account", (), [(1,)]),
            Check("SELECT name FROM account", (), shop.rows("SELECT name FROM account")),
        ],
        ["account"],
        [
            ("click", "link", "Account"),
            ("fill", "E-mail", email),
            ("click", "checkbox", "Send me the newsletter"),
            ("click", "button", "Save"),
        ],
    )


@TEMPLATES.add(2)
def add_several(rng: random.Random, shop: Shop) -> Goal:
    """Put a number of a product into the cart."""
    id, name = _any(rng, shop)
    number = rng.randint(2, 5)
    steps: list[Step] = [
        *_find(name),
        ("fill", "Quantity", str(number)),
        ("click", "button", "Add to cart"),
    ]
    return Goal(
        f"Put {number} of {name} into the cart.", [_cart(shop, {id: number})], ["cart"], steps
    )


@TEMPLATES.add(2)
def set_quantity(rng: random.Random, shop: Shop) -> Goal:
    """Change a quantity in the cart."""
    id, name = _any(rng, shop, "cart")
    number = rng.randint(4, 5)
    return Goal(
        f"Change the quantity of {name} in the cart to {number}.",
        [_cart(shop, {id: number})],
        ["cart"],
        [
            ("cart",),
            ("fill", f"Quantity of {name}", str(number)),
            ("click", "button", f"Update {name}"),
        ],
    )


@TEMPLATES.add(2)
def review(rng: random.Random, shop: Shop) -> Goal:
    """Review a product."""
    id, name = _any(rng, shop)
    stars, text = rng.choice([1, 2, 4, 5]), rng.choice(_REVIEWS)
    sql = "SELECT product, stars, text FROM review"
    return Goal(
        f'Review the {name}: {stars} stars and the text "{text}".',
        [Check(sql, (), [(id, stars, text)])],
        ["review"],
        [
            *_find(name),
            ("select", "Stars", str(stars)),
            ("fill", "Review", text),
            ("click", "button", "Send review"),
        ],
    )


@TEMPLATES.add(2)
def price(rng: random.Random, shop: Shop) -> Goal:
    """Say a price."""
    id, name = _any(rng, shop)
    answer = money(shop.value("SELECT price FROM product WHERE id = ?", id))
    steps = [*_find(name), ("say", answer)]
    return Goal(f"Say what the {name} costs, such as $1.50.", [said(answer)], [], steps, answer)


@TEMPLATES.add(3)
def cancel(rng: random.Random, shop: Shop) -> Goal:
    """Cancel the order of a product."""
    order, name = rng.choice(
        shop.rows("SELECT orders, name FROM line JOIN product ON id = product ORDER BY orders")
    )
    left = [(n, "cancelled" if n == order else "placed") for n in (1, 2, 3)]
    return Goal(
        f"Cancel the order of the {name}.",
        [Check("SELECT id, status FROM orders ORDER BY id", (), left)],
        ["orders"],
        [
            ("click", "link", "Orders"),
            ("click", "link", f"Order {order}"),
            ("click", "button", "Cancel order"),
        ],
    )


@TEMPLATES.add(3)
def cheapest(rng: random.Random, shop: Shop) -> Goal:
    """Put the cheapest product of a category into the cart."""
    category = rng.choice(list(KINDS))
    found = "id NOT IN (SELECT product FROM cart) AND category = ?"
    row = shop.row(f"SELECT id, name FROM product WHERE {found} ORDER BY price", category)
    first = shop.value("SELECT id FROM product WHERE category = ? ORDER BY price", category)
    assert row is not None
    id, name = row
    extra = " that is not in it yet" if id != first else ""
    return Goal(
        f"Put the cheapest product of the category {category}{extra} into the cart.",
        [_cart(shop, {id: 1})],
        ["cart"],
        [
            ("click", "link", category),
            ("select", "Sort by", SORTS["price"]),
            ("click", "button", "Apply"),
            ("click", "link", name),
            ("click", "button", "Add to cart"),
        ],
    )


@TEMPLATES.add(3)
def best_rated(rng: random.Random, shop: Shop) -> Goal:
    """Put the best rated product under a price on the wishlist."""
    colours = shop.rows("SELECT colour FROM product GROUP BY colour HAVING count(*) > 4 ORDER BY 1")
    (colour,) = rng.choice(colours)
    most = rng.choice([50, 60, 70, 80])
    where = "colour = ? AND price <= ?"
    rows = shop.rows(
        f"SELECT id, name, rating FROM product WHERE {where} ORDER BY rating DESC, id",
        colour,
        most * 100,
    )
    wished = {one for (one,) in shop.rows(_WISH)}
    if len(rows) < 2 or rows[0][2] == rows[1][2] or rows[0][0] in wished:
        return best_rated(random.Random(rng.random()), shop)
    id, name, _ = rows[0]
    return Goal(
        f"Put the best rated {colour} product that costs at most {most} dollars on the wishlist.",
        [Check(_WISH, (), sorted([*((one,) for one in wished), (id,)]))],
        ["wish"],
        [
            ("click", "link", rng.choice(list(KINDS))),
            ("select", "Category", "All"),
            ("select", "Colour", colour),
            ("fill", "Highest price in dollars", str(most)),
            ("select", "Sort by", SORTS["rating"]),
            ("click", "button", "Apply"),
            ("click", "link", name),
            ("click", "button", "Add to wishlist"),
        ],
    )


@TEMPLATES.add(4)
def order(rng: random.Random, shop: Shop) -> Goal:
    """Add a product to the cart and order all that is in it."""
    id, name = _any(rng, shop)
    who, where, city = person(rng), street(rng), rng.choice(CITIES)
    delivery = rng.choice(list(DELIVERY))
    gift = rng.random() < 0.5
    lines = sorted({**dict(shop.rows(_CART)), id: 1}.items())
    return Goal(
        f"Put one {name} into the cart and order everything in it for {who}, {where}, {city}; "
        f"delivery: {DELIVERY[delivery]}{', gift wrapped' if gift else ''}.",
        [
            Check(_ORDERS, (), [(who, where, city, delivery, int(gift))]),
            Check("SELECT product, quantity FROM line WHERE orders = 4", (), lines),
            Check("SELECT count(*) FROM cart", (), [(0,)]),
        ],
        ["cart", "orders", "line"],
        [
            *_find(name),
            ("click", "button", "Add to cart"),
            ("click", "link", "Checkout"),
            ("fill", "Name", who),
            ("fill", "Address", where),
            ("fill", "City", city),
            ("select", "Delivery", DELIVERY[delivery]),
            *([("click", "checkbox", "Gift wrap")] if gift else []),
            ("click", "button", "Place order"),
        ],
    )
