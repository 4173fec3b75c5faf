"""The shop's cart, checkout, orders, wishlist and account."""

from __future__ import annotations

from typing import Any

from envgym.environments.web.observation.elements import Element
from envgym.environments.web.sites.markup import button, check, choice, field, form, h, link
from envgym.environments.web.sites.shop.catalogue import Catalogue, whole
from envgym.environments.web.sites.site import Moved, Result, Values, route
from envgym.environments.web.sites.worlds import money

DELIVERY = {"standard": "Standard", "express": "Express", "pickup": "Pick-up"}


class Shop(Catalogue):
    """A shop of sixty products."""

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
        quantity = whole(values.get(f"quantity-{id}", ""), -1)
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
            return self.missing("order")
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
