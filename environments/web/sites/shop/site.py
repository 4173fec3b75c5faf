"""Pages of the shop."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

from envgym.environments.web.observation.elements import Element
from envgym.environments.web.sites.markup import area, button, check, choice, field, form, h, link
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
DELIVERY = {"standard": "Standard", "express": "Express", "pickup": "Pick-up"}
SORTS = {"name": "Name", "price": "Price, lowest first", "rating": "Rating, best first"}
_ORDER = {"name": "name, id", "price": "price, id", "rating": "rating DESC, id"}
_PER_PAGE = 6
_PRODUCTS = 60


class Shop(Site):
    """A shop of sixty products."""

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
        sort = values.get("sort") if values.get("sort") in _ORDER else "name"
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
        number = min(max(_whole(values.get("page", "1"), 1), 1), last)
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
                choice("Sort by", "sort", SORTS.items(), sort or "name"),
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
            return self._missing("product")
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
        id, quantity = int(parts[0]), _whole(values.get("quantity", ""), 0)
        row = self.row("SELECT name, stock FROM product WHERE id = ?", id)
        if row is None:
            return self._missing("product")
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
            return self._missing("product")
        self.run("INSERT OR IGNORE INTO wish VALUES(?)", int(parts[0]))
        return Moved("/wishlist")

    @route("POST", r"/product/(\d{1,6})/review")
    def review(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Review a product."""
        stars, text = _whole(values.get("stars", ""), 0), values.get("text", "").strip()
        if not 1 <= stars <= 5 or not text:
            self.alert = "A review needs stars and a text."
        else:
            row = (int(parts[0]), stars, text[:2000])
            self.run("INSERT INTO review VALUES(NULL,?,?,?)", *row)
        return Moved(f"/product/{int(parts[0])}")

    @route("GET", "/cart")
    def cart(self, values: Values, _: tuple[str, ...]) -> Result:
        """The cart."""
        rows = self.rows(
            "SELECT id, name, price, quantity FROM cart JOIN product ON id = product ORDER BY name"
        )
        total = sum(price * quantity for _, _, price, quantity in rows)
        lines = [
            h(
                "li",
                link(name, f"/product/{id}"),
                f" {money(price)}",
                form(
                    f"/cart/{id}",
                    field(f"Quantity of {name}", f"quantity-{id}", str(quantity)),
                    button(f"Update {name}", "do", "update"),
                    button(f"Remove {name}", "do", "remove"),
                ),
            )
            for id, name, price, quantity in rows
        ]
        foot = h("p", link("Checkout", "/checkout")) if rows else h("p", "The cart is empty.")
        return self.show("Cart", h("ul", lines), h("p", f"Total {money(total)}"), foot)

    @route("POST", r"/cart/(\d{1,6})")
    def change(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Change a line of the cart."""
        id = int(parts[0])
        stock = self.value("SELECT stock FROM product WHERE id = ?", id) or 0
        quantity = _whole(values.get(f"quantity-{id}", ""), -1)
        if values.get("do") == "remove":
            self.run("DELETE FROM cart WHERE product = ?", id)
        elif not 1 <= quantity <= stock:
            self.alert = f"Choose a quantity from 1 to {stock}."
        else:
            self.run("UPDATE cart SET quantity = ? WHERE product = ?", quantity, id)
        return Moved("/cart")

    @route("GET", "/checkout")
    def checkout(self, values: Values, _: tuple[str, ...]) -> Result:
        """Form of an order."""
        return self.show("Checkout", _order_form({}))

    @route("POST", "/checkout")
    def place(self, values: Values, _: tuple[str, ...]) -> Result:
        """Place the order."""
        given = {k: values.get(k, "").strip()[:200] for k in ("name", "address", "city")}
        delivery = values.get("delivery", "")
        lines = self.rows("SELECT product, quantity FROM cart ORDER BY product")
        if not lines or not all(given.values()) or delivery not in DELIVERY:
            self.alert = "The cart is empty." if not lines else "Fill in name, address and city."
            return self.show("Checkout", _order_form(dict(values)))
        gift = int(values.get("gift") == "yes")
        id = self.run(
            "INSERT INTO orders VALUES(NULL,?,?,?,?,?,'placed')", *given.values(), delivery, gift
        )
        for product, quantity in lines:
            self.run("INSERT INTO line VALUES(?,?,?)", id, product, quantity)
        self.run("DELETE FROM cart")
        self.notice = "Thank you for your order."
        return Moved(f"/order/{id}")

    @route("GET", "/orders")
    def orders(self, values: Values, _: tuple[str, ...]) -> Result:
        """All orders."""
        rows = self.rows("SELECT id, status FROM orders ORDER BY id")
        items = [h("li", link(f"Order {id}", f"/order/{id}"), f" {state}") for id, state in rows]
        return self.show("Orders", h("ul", items))

    @route("GET", r"/order/(\d{1,6})")
    def order(self, values: Values, parts: tuple[str, ...]) -> Result:
        """One order."""
        row = self.row("SELECT * FROM orders WHERE id = ?", int(parts[0]))
        if row is None:
            return self._missing("order")
        id, name, address, city, delivery, gift, status = row
        lines = self.rows(
            "SELECT product.name, quantity FROM line JOIN product ON id = product "
            "WHERE orders = ? ORDER BY product",
            id,
        )
        return self.show(
            f"Order {id}",
            h("p", f"{name}, {address}, {city}. {DELIVERY[delivery]}. Status: {status}."),
            h("p", "Gift wrapped.") if gift else None,
            h("ul", [h("li", f"{quantity} of {name}") for name, quantity in lines]),
            form(f"/order/{id}/cancel", button("Cancel order")) if status == "placed" else None,
        )

    @route("POST", r"/order/(\d{1,6})/cancel")
    def cancel(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Cancel an order."""
        self.run("UPDATE orders SET status = 'cancelled' WHERE id = ?", int(parts[0]))
        return Moved(f"/order/{int(parts[0])}")

    @route("GET", "/wishlist")
    def wishlist(self, values: Values, _: tuple[str, ...]) -> Result:
        """The wishlist."""
        rows = self.rows("SELECT id, name FROM wish JOIN product ON id = product ORDER BY name")
        items = [
            h(
                "li",
                link(name, f"/product/{id}"),
                form(
                    f"/wishlist/{id}",
                    button(f"Move {name} to cart", "do", "move"),
                    button(f"Remove {name}", "do", "remove"),
                ),
            )
            for id, name in rows
        ]
        return self.show("Wishlist", h("ul", items))

    @route("POST", r"/wishlist/(\d{1,6})")
    def unwish(self, values: Values, parts: tuple[str, ...]) -> Result:
        """Remove from the wishlist, into the cart or not."""
        id = int(parts[0])
        self.run("DELETE FROM wish WHERE product = ?", id)
        if values.get("do") == "move":
            self.run("INSERT OR IGNORE INTO cart VALUES(?,1)", id)
        return Moved("/wishlist")

    @route("GET", "/account")
    def account(self, values: Values, _: tuple[str, ...]) -> Result:
        """The account."""
        name, email, letter = self.row("SELECT * FROM account") or ("", "", 0)
        return self.show(
            "Account",
            form(
                "/account",
                field("Name", "name", name),
                field("E-mail", "email", email),
                check("Send me the newsletter", "newsletter", bool(letter)),
                button("Save"),
            ),
        )

    @route("POST", "/account")
    def save(self, values: Values, _: tuple[str, ...]) -> Result:
        """Save the account."""
        name, email = (values.get(k, "").strip()[:200] for k in ("name", "email"))
        if not name or "@" not in email:
            self.alert = "Give a name and an e-mail address."
        else:
            letter = int(values.get("newsletter") == "yes")
            self.run("UPDATE account SET name = ?, email = ?, newsletter = ?", name, email, letter)
            self.notice = "Saved."
        return Moved("/account")

    def _missing(self, what: str) -> Shown:
        return Shown("Not found", self.page("Not found", h("p", f"There is no such {what}.")), 404)


def _item(id: int, name: str, price: int, rating: int) -> Element:
    return h("li", link(name, f"/product/{id}"), f" {money(price)}, rated {rating / 10}")


def _order_form(given: dict[str, Any]) -> Element:
    return form(
        "/checkout",
        field("Name", "name", given.get("name", "")),
        field("Address", "address", given.get("address", "")),
        field("City", "city", given.get("city", "")),
        choice("Delivery", "delivery", DELIVERY.items(), given.get("delivery", "standard")),
        check("Gift wrap", "gift", given.get("gift") == "yes"),
        button("Place order"),
    )


def _whole(text: str, otherwise: int) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else otherwise
