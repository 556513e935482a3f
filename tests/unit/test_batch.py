"""Batches of every kind are taken, joined, split and told apart item by item, links and empty items among them."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint import batch
from counterpoint.batch import Packed, Sided, pack


def drawn(seed, count):
    """Items as lists: rows (n_i, 2), links between places of them, and a number for each link."""
    generator = torch.Generator().manual_seed(seed)
    items = []
    for _ in range(count):
        size = int(torch.randint(0, 4, (), generator=generator))
        links = torch.randint(0, size, (2, int(torch.randint(0, 5, (), generator=generator)))) if size else None
        links = torch.empty(2, 0, dtype=torch.int64) if links is None else links
        numbers = torch.rand(links.shape[1], 1, generator=generator)
        items.append((torch.rand(size, 2, generator=generator), links, numbers))
    return items


def packed(items):
    whole = pack([rows for rows, _, _ in items], [links for _, links, _ in items])
    return whole._replace(link_rows=torch.cat([numbers for _, _, numbers in items]))


def same(one, other):
    assert type(one) is type(other)
    assert batch.digest(one) == batch.digest(other)
    for first, second in zip(batch.tensors(one), batch.tensors(other), strict=True):
        assert torch.equal(first, second)


sizes = st.tuples(st.integers(0, 999), st.integers(1, 6))


@settings(max_examples=60, deadline=None)
@given(shape=sizes, more=sizes, luck=st.integers(0, 99), count=st.integers(1, 4))
def test_packed_items_are_what_they_are_in_any_company(shape, more, luck, count):
    items, others = drawn(*shape), drawn(*more)
    whole = packed(items)
    index = torch.randint(0, len(items), (7,), generator=torch.Generator().manual_seed(luck))
    same(batch.take(whole, index), packed([items[place] for place in index.tolist()]))
    same(batch.concat([whole, packed(others)]), packed([*items, *others]))
    pieces = [piece for piece in batch.split(whole, count) if piece.items]
    same(batch.concat(pieces), whole)
    assert batch.digest(whole) == [batch.digest(packed([item]))[0] for item in items]
    assert batch.length(whole) == len(items)


def test_flat_numbers_of_sets_are_the_mean_of_their_rows_and_how_many_they_are():
    whole = pack([torch.tensor([[1.0, 2.0], [3.0, 6.0]]), torch.empty(0, 2)])
    assert batch.flat(whole).tolist() == [[2.0, 4.0, 2.0], [0.0, 0.0, 0.0]]


def nested():
    """Both sides of three pairs: sets of points, and numbers with words."""
    points = pack([torch.rand(2, 2), torch.rand(1, 2), torch.rand(3, 2)])
    return Sided("points", points), Sided("rest", (torch.rand(3, 4), torch.arange(6).view(3, 2)))


def test_sides_and_tuples_are_carried_through():
    whole, index = nested(), torch.tensor([2, 0])
    taken = batch.take(whole, index)
    assert [each.side for each in taken] == ["points", "rest"]
    assert batch.length(taken) == 2
    assert batch.digest(taken) == [batch.digest(whole)[place] for place in (2, 0)]
    joined = batch.concat(batch.split(whole, 3))
    assert batch.digest(joined) == batch.digest(whole)
    assert batch.flat(whole).shape == (3, 3 + 4 + 2)
    assert batch.shape(whole[0]) == ("points", (2,))
    assert batch.shape(whole[0]) != batch.shape(Sided("other", whole[0].value))


def test_a_side_is_part_of_what_an_item_holds():
    values = torch.rand(2, 3)
    assert batch.digest(Sided("image", values)) != batch.digest(Sided("text", values))


def test_numbers_are_widened_and_moved_and_all_else_stays():
    wide = batch.double(nested())
    assert [part.dtype for part in batch.tensors(wide)].count(torch.float64) == 2
    assert isinstance(wide[0].value, Packed)
    assert batch.device_of(batch.to(wide, "cpu")) == torch.device("cpu")
    assert batch.measured(wide[0])
    assert not batch.measured(wide)  # it holds words
    assert (batch.item_shape(torch.zeros(2, 3, 8)), batch.item_shape(wide)) == ((3, 8), ())
