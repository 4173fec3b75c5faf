"""Problems that pydantic finds, as one line each."""

from __future__ import annotations

from pydantic import BaseModel, TypeAdapter, ValidationError, model_validator

from envgym.utils.validation_text import first_problem, problems


class Inner(BaseModel):
    size: int
    name: str


class Outer(BaseModel):
    inner: list[Inner]

    @model_validator(mode="after")
    def _check(self) -> Outer:
        if len(self.inner) > 1:
            raise ValueError("one is enough")
        return self


def error_of(value: object, model: type = Outer) -> ValidationError:
    try:
        TypeAdapter(model).validate_python(value)
    except ValidationError as error:
        return error
    raise AssertionError("it is valid")


def test_the_path_and_the_message() -> None:
    error = error_of({"inner": [{"size": "many"}]})
    first = "inner.0.size: Input should be a valid integer, unable to parse string as an integer"
    assert first_problem(error) == first
    assert problems(error, most=9) == [first, "inner.0.name: Field required"]
    assert problems(error, most=1) == [first]


def test_a_problem_of_the_whole_has_no_path() -> None:
    twice = error_of({"inner": [{"size": 1, "name": "a"}] * 2})
    assert first_problem(twice) == "Value error, one is enough"
    assert first_problem(twice, "request") == "request: Value error, one is enough"
