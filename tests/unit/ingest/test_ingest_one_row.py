"""The cells of a row by its text alone are those that were written."""

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_service.reading.dialect import Dialect
from ingest_service.reading.one_row import cells_of

CELLS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), min_size=2)


# A machine that is busy with other tests may take its time.
@settings(deadline=None)
@given(CELLS, st.sampled_from(",;\t|"))
def test_a_row_that_was_written_as_csv_comes_back(cells: list[str], delimiter: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerow(cells)
    assert cells_of(text.getvalue().removesuffix("\r\n"), Dialect(delimiter), len(cells)) == cells


def test_quotes_that_do_not_pair_are_text_where_the_row_then_fits() -> None:
    assert cells_of('1,5" pipe,2', Dialect(","), 3) == ["1", '5" pipe', "2"]
    assert cells_of('1,"5" pipe",2', Dialect(","), 3) == ["1", '5" pipe', "2"]
    assert cells_of('1,"open,2', Dialect(","), 3) == ["1", '"open', "2"]


def test_a_row_of_another_width_is_given_as_it_is() -> None:
    assert cells_of("1,2,3,4", Dialect(","), 3) == ["1", "2", "3", "4"]
