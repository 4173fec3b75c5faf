"""Catalogue of the shop: search, products, reviews; and the content of its database."""

from __future__ import annotations

import random
import sqlite3

from envgym.environments.web.observation.elements import Element
from envgym.environments.web.sites.markup import area, button, choice, field, form, h, link
from envgym.environments.web.sites.site import Moved, Result, Shown, Site, Values, route
from envgym.environments.web.sites.worlds import money, person, street

COLOURS = ["black", "blue", "green", "grey", "red", "white", "yellow"]
KINDS = {
    "Clothing": ["jacket", "scarf", "shirt", "sweater", "socks"],
    "Kitchen": ["bowl", "kettle", "knife", "pan", "teapot"],
    "Garden": ["hose", "lantern", "planter", "rake", "spade"],
    "Office": ["desk-lamp", "notebook", "pen", "stapler", "tray"],
}
MAKES = ["Alder", "Boreal", "Corvo", "Dunmore", "Estuary", "Fjord"]
SORTS = {"name": "Name", "price": "Price, lowest first", "rating": "Rating, best first"}
_ORDER = {"name": "name, id", "price": "price, id", "rating": "rating DESC, id"}
_PER_PAGE = 6
_PRODUCTS = 60


class Catalogue(Site):
    """The part of the shop that shows products."""

    name = "shop"
    schema = """
    CREATE TABLE product(id INTEGER PRIMARY KEY, name TEXT, category TEXT, colour TEXT, price INT,
        rating INT, stock INT);
    CREATE TABLE cart(product INTEGER PRIMARY KEY, quantity INT);
    CREATE TABLE wish(product INTEGER PRIMARY KEY);
    CREATE TABLE orders(id INTEGER PRIMARY KEY, name TEXT, address TEXT, city TEXT, delivery TEXT,
        gift INT, status TEXT);
    CREATE TABLE line(orders INT, product INT, quantity INT);
    CREATE TABLE review(id INTEGER PRIMARY KEY, product INT, stars INT, text TEXT);
    CREATE TABLE account(name TEXT, email TEXT, newsletter INT);
    """

    @classmethod
    def fill(cls, db: sqlite3.Connection, seed: int) -> None:
        """See `Site.fill`."""
        rng = random.Random(f"shop:{seed}")
        names = [
            (f"{make} {colour} {thing}", category, colour)
            for category, things in KINDS.items()
            for thing in things
            for make in MAKES
            for colour in COLOURS
        ]
        prices = rng.sample(range(300, 9900), _PRODUCTS)
        for number, (name, category, colour) in enumerate(rng.sample(names, _PRODUCTS)):
            row = (name, category, colour, prices[number], rng.randint(10, 50), rng.randint(5, 40))
            db.execute("INSERT INTO product VALUES(NULL,?,?,?,?,?,?)", row)
        ids = rng.sample(range(1, _PRODUCTS + 1), 9)
        for product in ids[:3]:
            db.execute("INSERT INTO cart VALUES(?,?)", (product, rng.randint(1, 3)))
        for product in ids[3:6]:
            db.execute("INSERT INTO wish VALUES(?)", (product,))
        who = person(rng)
        for number, product in enumerate(ids[6:], 1):
            order = (number, who, street(rng), "Lyon", "standard", 0, "placed")
            db.execute("INSERT INTO orders VALUES(?,?,?,?,?,?,?)", order)
            db.execute("INSERT INTO line VALUES(?,?,?)", (number, product, rng.randint(1, 2)))
        email = f"{who.lower().replace(' ', '.')}@example.org"
        db.execute("INSERT INTO account VALUES(?,?,0)", (who, email))

    def header(self) -> Element:
        """See `Site.header`."""
        count = self.value("SELECT coalesce(sum(quantity), 0) FROM cart")
        return h(
            "header",
            h("strong", link("Marlow", "/")),
            form(
                "/search",
                h(
                    "p",
                    Element("input", {"name": "q", "type": "search", "aria-label": "Search"}),
                    button("Search"),
                ),
                method="get",
            ),
            link(f"Cart ({count})", "/cart"),
            " ",
            link("Wishlist", "/wishlist"),
            " ",
            link("Orders", "/orders"),
            " ",
            link("Account", "/account"),
        )

    @route("GET", "/")
    def home(self, values: Values, _: tuple[str, ...]) -> Result:
        """Categories."""
        items = [h("li", link(name, f"/search?category={name}")) for name in KINDS]
        return self.show("Categories", h("ul", items))

    @route("GET", "/search")
    def search(self, values: Values, _: tuple[str, ...]) -> Result:
        """Products that match words and filters, a page at a time."""
        words = values.get("q", "").split()[:8]
        category, colour = values.get("category", ""), values.get("colour", "")
        asked = values.get("sort", "")
        sort = asked if asked in _ORDER else "name"
        most = values.get("most", "")
        tests = ["name LIKE ?"] * len(words)
        given: list[object] = [f"%{word}%" for word in words]
        for column, value in (("category", category), ("colour", colour)):
            if value:
                tests.append(f"{column} = ?")
                given.append(value)
        if most.isdecimal() and len(most) < 9:
            tests.append("price <= ?")
            given.append(int(most) * 100)
        where = " AND ".join(tests) or "1"
        total = self.value(f"SELECT count(*) FROM product WHERE {where}", *given)
        last = max(1, -(-total // _PER_PAGE))
        number = min(max(whole(values.get("page", "1"), 1), 1), last)
        found = self.rows(
            f"SELECT id, name, price, rating FROM product WHERE {where} ORDER BY {_ORDER[sort]} "
            "LIMIT ? OFFSET ?",
            *given,
            _PER_PAGE,
            (number - 1) * _PER_PAGE,
        )
        kept = {"q": " ".join(words), "category": category, "colour": colour, "most": most}
        query = "&".join(f"{k}={v}" for k, v in {**kept, "sort": sort}.items() if v)
        turns = [
            h("p", link(text, f"/search?{query}&page={n}".replace(" ", "+")))
            for n, text in ((number - 1, "Previous page"), (number + 1, "Next page"))
            if 1 <= n <= last
        ]
        return self.show(
            "Products",
            form(
                "/search",
                field("Words", "q", kept["q"]),
                choice("Category", "category", [("", "All"), *((k, k) for k in KINDS)], category),
                choice("Colour", "colour", [("", "All"), *((c, c) for c in COLOURS)], colour),
                field("Highest price in dollars", "most", most),
                choice("Sort by", "sort", SORTS.items(), sort),
                button("Apply"),
                method="get",
            ),
            h("p", f"{total} products, page {number} of {last}"),
            h("ul", [_item(*row) for row in found]),
            turns,
        )

    @route("GET", r"/product/(\d{1,6})")
    def product(self, values: Values, parts: tuple[str, ...]) -> Result:
        """One product."""
        row = self.row("SELECT * FROM product WHERE id = ?", int(parts[0]))
        if row is None:
            return self.missing("product")
        id, name, category, colour, price, rating, stock = row
        reviews = self.rows("SELECT stars, text FROM review WHERE product = ?", id)
        return self.show(
            name,
            h("p", f"{money(price)}. Rating {rating / 10} of 5. {stock} in stock."),
            h("p", f"Category {category}, colour {colour}."),
            form(f"/product/{id}/cart", field("Quantity", "quantity", "1"), button("Add to cart")),
            form(f"/product/{id}/wish", button("Add to wishlist")),
            h("h2", "Reviews"),
            h("ul", [h("li", f"{stars} stars: {text}") for stars, text in reviews]),
            form(
                f"/product/{id}/review",
                choice("Stars", "stars", [(str(n), str(n)) for n in range(1, 6)], "3"),
                area("Review", "text"),
                button("Send review"),
            ),
        )

    @route("POST", r"/product/(\d{1,6})/cart")
    def add(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Add to the cart."""
        id, quantity = int(parts[0]), whole(values.get("quantity", ""), 0)
        row = self.row("SELECT name, stock FROM product WHERE id = ?", id)
        if row is None:
            return self.missing("product")
        held = self.value("SELECT quantity FROM cart WHERE product = ?", id) or 0
        if not 1 <= quantity <= row[1] - held:
            self.alert = f"Choose a quantity from 1 to {row[1] - held}."
            return Moved(f"/product/{id}")
        self.run("REPLACE INTO cart VALUES(?,?)", id, held + quantity)
        self.notice = f"{row[0]} was added to the cart."
        return Moved("/cart")

    @route("POST", r"/product/(\d{1,6})/wish")
    def wish(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Add to the wishlist."""
        if self.row("SELECT 1 FROM product WHERE id = ?", int(parts[0])) is None:
            return self.missing("product")
        self.run("INSERT OR IGNORE INTO wish VALUES(?)", int(parts[0]))
        return Moved("/wishlist")

    @route("POST", r"/product/(\d{1,6})/review")
    def review(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Review a product."""
        stars, text = whole(values.get("stars", ""), 0), values.get("text", "").strip()
        if not 1 <= stars <= 5 or not text:
            self.alert = "A review needs stars and a text."
        else:
            row = (int(parts[0]), stars, text[:2000])
            self.run("INSERT INTO review VALUES(NULL,?,?,?)", *row)
        return Moved(f"/product/{int(parts[0])}")

    def missing(self, what: str) -> Shown:
        """Page for something that does not exist."""
        return Shown("Not found", self.page("Not found", h("p", f"There is no such {what}.")), 404)


def _item(id: int, name: str, price: int, rating: int) -> Element:
    return h("li", link(name, f"/product/{id}"), f" {money(price)}, rated {rating / 10}")


def whole(text: str, otherwise: int) -> int:
    """Whole number in a field, or another one where it holds none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else otherwise
