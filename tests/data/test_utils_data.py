"""ninx.utils.data next to torch.utils.data: collating, the loader's options, chance."""

import collections
import pickle
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from loaders import SAMPLES, floats, order, same
from torch.utils import data as theirs

import ninx
from ninx import data
from ninx.utils import data as ours


class Point(NamedTuple):
    x: Any
    y: Any


BATCHES: dict[str, list[Any]] = {
    "arrays": [floats(1, 2), floats(3, 4)],
    "images": list(np.arange(48, dtype=np.uint8).reshape(2, 4, 3, 2)),
    "pairs": [(floats(1, 2), 3), (floats(3, 4), 5)],
    "lists": [[floats(1), 3], [floats(3), 5]],
    "triples": [(floats(1), 3, "a.png"), (floats(3), 5, "b.png")],
    "floats": [1.5, 2],
    "whole numbers, then a float": [1, 2.5],
    "whole numbers": [3, 2**40],
    "booleans": [True, False],
    "boolean, then a number": [True, 2],
    "NumPy float32": [np.float32(1), np.float32(2)],
    "NumPy uint8": [np.uint8(1), np.uint8(2)],
    "NumPy float64": [np.float64(1), np.float64(2)],
    "NumPy bool": [np.bool_(True), np.bool_(False)],
    "0-d arrays": [np.array(1, np.int32), np.array(2, np.int32)],
    "float16": [np.ones(2, np.float16)] * 2,
    "two dtypes": [np.ones(2), floats(1, 2)],
    "texts": ["a", "b"],
    "bytes": [b"a", b"b"],
    "NumPy texts": [np.str_("a"), np.str_("b")],
    "dictionaries": [{"image": floats(1), "label": 1}, {"image": floats(2), "label": 0}],
    "dictionaries in dictionaries": [{"a": {"b": 1.0}, "c": "x"}] * 3,
    "one field more": [{"a": 1}, {"a": 2, "b": 3}],
    "ordered dictionaries": [collections.OrderedDict(a=1)] * 2,
    "named tuples": [Point(1, floats(1)), Point(2, floats(2))],
    "nested": [(1, [2, {"a": (3.0, "t")}])] * 2,
    "boxes": [([1, 2, 3, 4], 0), ([5, 6, 7, 8], 1)],
    "ranges": [range(3), range(3)],
    "nothing": [(), ()],
    "empty arrays": [np.zeros((0, 2))] * 2,
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_is_pytorch_s(name: str) -> None:
    same(ours.default_collate(BATCHES[name]), theirs.default_collate(BATCHES[name]))
    for size in (1, 2):
        for a, b in zip(ours.DataLoader(BATCHES[name], size), theirs.DataLoader(BATCHES[name], size), strict=True):
            same(a, b)


def test_tensors_are_stacked_as_pytorch_stacks_them() -> None:
    for make in (lambda m: m.ones(2, 3), lambda m: m.tensor(3), lambda m: m.tensor([1.5]), lambda m: m.zeros(3, 4, 4)):
        same(ours.default_collate([make(ninx)] * 2), theirs.default_collate([make(torch)] * 2))
    mixed = [[m.ones(2), m.ones(2, dtype=d)] for m, d in ((ninx, np.float64), (torch, torch.float64))]
    same(ours.default_collate(mixed[0]), theirs.default_collate(mixed[1]))
    w = ninx.ones(2, requires_grad=True)
    (ours.default_collate([w, w * 2]).sum()).backward()
    assert w.grad.tolist() == [3, 3]


@pytest.mark.parametrize(
    ("batch", "error", "match"),
    [
        ([None, None], TypeError, r"not of None; give collate_fn"),
        ([(1, None)], TypeError, r"not of None"),
        ([{1, 2}], TypeError, r"not of set"),
        ([object()], TypeError, r"not of object"),
        ([1j], TypeError, r"not of complex|no tensor"),
        ([np.datetime64("2020")], TypeError, r"no tensor of numbers"),
        ([np.array(["a"])], TypeError, r"a sample is an array of <U1"),
        ([np.array([None])], TypeError, r"a sample is an array of object"),
        ([np.ones(2, np.complex64)], TypeError, r"a sample is an array of complex64"),
        ([1, None], TypeError, r"holds 1 and None \(NoneType\) in one place"),
        ([1, "a"], TypeError, r"holds 1 and 'a' \(str\) in one place"),
        ([floats(1), 2], TypeError, r"an array and int in one place"),
        ([2**70], TypeError, r"no tensor of numbers"),
        ([floats(1), floats(1, 2)], ValueError, r"arrays of a batch must have one shape, got \[\(1,\), \(2,\)\]"),
        ([[1, 2], [1]], ValueError, r"equally long, got 2 things and 1 things"),
        ([(1, 2), 3], ValueError, r"equally long, got 2 things and int"),
        ([{"a": 1}, {"b": 1}], ValueError, r"the same fields, got \['a'\] and \['b'\]"),
        ([], ValueError, r"one or more samples"),
    ],
)
def test_what_makes_no_batch_is_refused_in_a_sentence(batch: list[Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        ours.default_collate(batch)


def test_the_error_of_a_field_tells_its_name() -> None:
    with pytest.raises(TypeError, match="not of None") as caught:
        ours.default_collate([{"image": 1, "boxes": None}])
    assert "in the field 'boxes'" in caught.value.__notes__


def test_a_pair_with_a_text_or_none_for_a_label_is_refused_but_collate_fn_lets_texts_through() -> None:
    for label, match in (("cat", "the label 'cat' is a text"), (b"cat", "is a text"), (None, "not of None")):
        with pytest.raises(TypeError, match=match):
            next(iter(ours.DataLoader([(floats(1), label)])))
    ((image, labels),) = ours.DataLoader([(floats(1), "cat")], collate_fn=ours.default_collate)
    assert (image.tolist(), labels) == ([[1.0]], ("cat",))


def test_a_picture_is_no_part_of_a_batch() -> None:
    from PIL import Image

    with pytest.raises(TypeError, match=r"not of PIL.Image.Image; transforms.ToTensor\(\) makes a tensor"):
        next(iter(ours.DataLoader([(Image.new("L", (2, 2)), 0)])))


def test_an_image_of_nested_lists_is_an_image() -> None:
    """The one thing that a loader collates in another way than PyTorch, which would give lists of lists of lists of tensors."""
    image = np.arange(12.0).reshape(3, 2, 2)
    ((images, labels),) = ours.DataLoader([(image.tolist(), 4)] * 2, 2)
    assert np.array_equal(images.numpy(), np.stack([image, image]))
    assert labels.tolist() == [4, 4]


def test_the_fields_of_a_batch_of_dictionaries_have_places_too() -> None:
    batch = ours.default_collate([{"image": 1, "label": 2}, {"image": 3, "label": 4}])
    assert isinstance(batch, dict)
    assert batch[0] is batch["image"]
    assert batch[-1] is batch["label"]
    assert dict(batch).keys() == {"image", "label"}
    for key in (2, "nothing", 1.5):
        with pytest.raises(KeyError):
            batch[key]
    assert pickle.loads(pickle.dumps(batch))["label"].tolist() == [2, 4]
    assert ours.default_collate([{1: 5.0, 0: 6}])[0].tolist() == [6]  # a name comes before a place


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 3},
        {"batch_size": 3, "drop_last": True},
        {"batch_size": 10},
        {"batch_size": 2, "sampler": [6, 0, 3]},
        {"batch_size": 2, "sampler": range(6, -1, -1), "drop_last": True},
        {"batch_sampler": [[0, 1], [5], [6, 2, 3]]},
        {"batch_size": 3, "collate_fn": len},
        {"batch_size": 3, "pin_memory": False, "timeout": 0, "worker_init_fn": None, "generator": None},
        {"batch_size": 3, "shuffle": None, "multiprocessing_context": None, "prefetch_factor": None},
        {"batch_size": 3, "persistent_workers": False, "pin_memory_device": "", "in_order": True},
    ],
)
def test_options_do_what_pytorch_s_do(options: dict[str, Any]) -> None:
    a, b = ours.DataLoader(SAMPLES, **options), theirs.DataLoader(SAMPLES, **options)
    assert len(a) == len(b)
    for _ in range(2):
        for x, y in zip(a, b, strict=True):
            if isinstance(y, int):
                assert x == y
            else:
                same(x, y)
    assert a.dataset is b.dataset
    assert (a.num_workers, a.drop_last) == (b.num_workers, b.drop_last)
    assert len(a.sampler) == len(b.sampler)


def test_arguments_come_in_pytorch_s_order() -> None:
    import inspect

    names = [p.name for p in inspect.signature(theirs.DataLoader).parameters.values()]
    assert [p.name for p in inspect.signature(ours.DataLoader).parameters.values()][: len(names)] == names
    for name in ("TensorDataset", "Subset", "ConcatDataset", "random_split", "RandomSampler", "SequentialSampler"):
        a, b = (list(inspect.signature(getattr(m, name)).parameters) for m in (ours, theirs))
        assert a == b, name
    for name in ("SubsetRandomSampler", "WeightedRandomSampler", "BatchSampler", "default_collate"):
        a, b = (list(inspect.signature(getattr(m, name)).parameters) for m in (ours, theirs))
        assert a == b, name


def test_workers_options_change_nothing() -> None:
    plain = [x.tolist() for x, _ in ours.DataLoader(SAMPLES, 2)]
    more = {
        "prefetch_factor": 3,
        "persistent_workers": True,
        "multiprocessing_context": "spawn",
        "in_order": False,
        "timeout": 60,
    }
    assert [x.tolist() for x, _ in ours.DataLoader(SAMPLES, 2, num_workers=2, pin_memory=True, **more)] == plain


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"sampler": [0], "shuffle": True}, "sampler decides about the order; leave shuffle out"),
        ({"batch_sampler": [[0]], "shuffle": True}, "batch_sampler decides about the batches; leave shuffle out"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "leave batch_size out"),
        ({"batch_sampler": [[0]], "drop_last": True}, "leave drop_last out"),
        ({"batch_sampler": [[0]], "sampler": [0]}, "leave sampler out"),
        ({"batch_size": 0}, "batch_size must be at least 1, a whole number, got 0"),
        ({"batch_size": -1}, "batch_size must be at least 1, a whole number, got -1"),
        ({"batch_size": 2.5}, "batch_size must be at least 1, a whole number, got 2.5"),
        ({"batch_size": "4"}, "batch_size must be at least 1, a whole number, got '4'"),
        ({"num_workers": -1}, "num_workers must be at least 0"),
        ({"timeout": -1}, "timeout must be at least 0"),
        ({"prefetch_factor": 2}, "prefetch_factor is for workers; set num_workers"),
        ({"persistent_workers": True}, "persistent_workers is for workers; set num_workers"),
        ({"multiprocessing_context": "fork"}, "multiprocessing_context is for workers"),
    ],
)
def test_options_that_pytorch_refuses_are_refused_too(options: dict[str, Any], match: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        theirs.DataLoader(SAMPLES, **options)
    with pytest.raises(ValueError, match=match):
        ours.DataLoader(SAMPLES, **options)


class _Stream:
    def __iter__(self) -> Any:
        return iter(range(3))


class _Unmeasured:
    def __getitem__(self, index: int) -> int:
        return index


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: ours.DataLoader("digits", 4), TypeError, r"not its name; write DataLoader\(ninx.data.load\('digits', 'train'\)"),
        (lambda: ours.DataLoader(ours.TensorDataset, 4), TypeError, r"TensorDataset is a class"),
        (lambda: ours.DataLoader(5), TypeError, r"which int lacks"),
        (lambda: ours.DataLoader(None), TypeError, r"which NoneType lacks"),
        (
            lambda: ours.DataLoader(iter([1])),
            TypeError,
            r"which list_iterator lacks; make it .* or ninx.utils.data.IterableDataset",
        ),
        (lambda: ours.DataLoader(_Stream()), TypeError, r"which _Stream lacks"),
        (lambda: ours.DataLoader(_Unmeasured()), TypeError, r"_Unmeasured has no __len__"),
        (lambda: ours.DataLoader(SAMPLES, None), ValueError, r"got None; for single samples"),
        (lambda: ours.DataLoader(SAMPLES, True), ValueError, r"a whole number, got True"),
        (lambda: ours.DataLoader(SAMPLES, transform=5), TypeError, r"5 is no function"),
        (lambda: ours.DataLoader(SAMPLES, transform=data.ToTensor), TypeError, r"ToTensor is a class, not a transform"),
        (lambda: ours.DataLoader(SAMPLES, collate_fn=5), TypeError, r"collate_fn is called with a list"),
        (lambda: ours.DataLoader(SAMPLES, shuffle="yes"), TypeError, r"shuffle is True or False"),
        (lambda: ours.DataLoader(SAMPLES, 2, True, True), TypeError, r"sampler yields numbers of samples"),
        (lambda: ours.DataLoader(SAMPLES, seed=-1), ValueError, r"seed must be non-negative"),
        (lambda: ours.DataLoader(SAMPLES, seed=0.5), TypeError, r"seed must be a whole number"),
        (lambda: ours.DataLoader(SAMPLES, seed=1, generator=1), ValueError, r"seed and generator both"),
        (lambda: ours.DataLoader(SAMPLES, generator=torch.Generator()), TypeError, r"ninx.Generator\(\) .* got torch.*Generator"),
        (lambda: ours.DataLoader(SAMPLES, num_workers=1, worker_init_fn=print), ValueError, r"worker_init_fn is for processes"),
        (lambda: list(ours.DataLoader(SAMPLES, batch_sampler=[0, 1])), TypeError, r"batch_sampler yields lists"),
        (
            lambda: list(ours.DataLoader([{"a": 1}], transform=lambda a: a)),
            TypeError,
            r"transform is for samples \(image, label\)",
        ),
    ],
)
def test_mistakes_are_answered_in_a_sentence(make: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()


def test_a_sampler_replaces_the_length_of_a_data_set() -> None:
    assert [b.tolist() for b in ours.DataLoader(_Unmeasured(), 2, sampler=[5, 7, 9])] == [[5, 7], [9]]
    endless = ours.DataLoader(_Unmeasured(), 2, sampler=iter([1, 2, 3]))
    with pytest.raises(TypeError, match="the number of batches is not known, since list_iterator has no length"):
        len(endless)
    assert [b.tolist() for b in endless] == [[1, 2], [3]]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_a_sample_bears_its_index(workers: int) -> None:
    class Broken(ours.Dataset):
        def __len__(self) -> int:
            return 6

        def __getitem__(self, index: int) -> int:
            if index == 4:
                raise IndexError("gone")
            return index

    with pytest.raises(IndexError, match="gone") as caught:
        list(ours.DataLoader(Broken(), 3, num_workers=workers))
    assert caught.value.__notes__ == ["DataLoader: raised by sample 4 of Broken"]


def test_a_worker_that_takes_too_long_is_not_waited_for() -> None:
    class Slow(ours.Dataset):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> int:
            time.sleep(0.3)
            return index

    with pytest.raises(RuntimeError, match=r"not ready within timeout=0\.02 seconds"):
        list(ours.DataLoader(Slow(), num_workers=1, timeout=0.02))
    assert len(list(ours.DataLoader(Slow(), num_workers=1, timeout=30))) == 1


def test_two_passes_at_once_do_not_disturb_each_other() -> None:
    for workers in (0, 2):
        loader = ours.DataLoader(SAMPLES, 2, num_workers=workers)
        for (_, y), (_, v) in zip(iter(loader), iter(loader), strict=True):
            assert y.tolist() == v.tolist()


def test_a_data_set_that_only_iterates() -> None:
    class Numbers(ours.IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(5))

    class Theirs(theirs.IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(5))

    for options in ({}, {"batch_size": 2}, {"batch_size": 2, "drop_last": True}, {"batch_size": 5}):
        for a, b in zip(ours.DataLoader(Numbers(), **options), theirs.DataLoader(Theirs(), **options), strict=True):
            same(a, b)
    with pytest.raises(TypeError, match="the number of batches is not known"):
        len(ours.DataLoader(Numbers()))
    for options, name in (({"shuffle": True}, "shuffle"), ({"sampler": [0]}, "sampler"), ({"num_workers": 2}, "num_workers")):
        with pytest.raises(ValueError, match=f"leave {name} out"):
            ours.DataLoader(Numbers(), **options)


def test_several_samples_may_be_read_at_once() -> None:
    class Several:
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> int:
            raise AssertionError

        def __getitems__(self, indices: list[int]) -> list[int]:
            return [10 * i for i in indices]

    assert [b.tolist() for b in ours.DataLoader(Several(), 3)] == [[0, 10, 20], [30, 40]]


def test_a_transform_takes_the_generator_or_not() -> None:
    calls: list[Any] = []

    class Method:
        def __call__(self, image: Any, rng: Any = None) -> Any:
            calls.append(rng)
            return image

    for transform in (lambda image: image, lambda image, size=3: image * (size == 3), np.abs, np.flip):
        assert len(list(ours.DataLoader(SAMPLES, 4, transform=transform))) == 2
    list(ours.DataLoader(SAMPLES, 4, transform=Method()))
    list(ours.DataLoader(SAMPLES, 4, transform=lambda image, r: calls.append(r) or image))
    assert len(calls) == 14
    assert all(isinstance(rng, np.random.Generator) for rng in calls)


def shuffled(**options: Any) -> Any:
    return ours.DataLoader(range(50), 8, shuffle=True, **options)


def test_manual_seed_rules_the_shuffles() -> None:
    ninx.manual_seed(1)
    loader = shuffled()
    first, second = order(loader), order(loader)
    ninx.manual_seed(2)
    other = order(loader)
    ninx.manual_seed(1)
    assert [order(loader), order(loader)] == [first, second]
    assert len({tuple(o) for o in (first, second, other)}) == 3
    assert all(sorted(o) == list(range(50)) for o in (first, second, other))


def test_a_seed_of_its_own_is_untouched_by_manual_seed() -> None:
    ninx.manual_seed(1)
    first = order(shuffled(seed=3))
    ninx.manual_seed(2)
    assert order(shuffled(seed=3)) == order(shuffled(generator=3)) == first
    assert first == [int(i) for i in np.random.default_rng((3, 0)).permutation(50)]  # what runs were recorded with


def test_a_loader_takes_nothing_from_the_generator_of_weights() -> None:
    ninx.manual_seed(1)
    expected = ninx.rand(3)
    ninx.manual_seed(1)
    order(shuffled())
    assert np.array_equal(ninx.rand(3).numpy(), expected.numpy())


def test_a_generator_is_asked_in_each_pass() -> None:
    def two(generator: Any) -> list[list[int]]:
        loader = shuffled(generator=generator)
        return [order(loader), order(loader)]

    assert two(np.random.default_rng(5)) == two(np.random.default_rng(5))
    assert two(ninx.Generator().manual_seed(5)) == two(ninx.Generator().manual_seed(5))
    a, b = two(np.random.default_rng(5))
    assert a != b


def test_a_sample_that_is_drawn_twice_has_two_chances() -> None:
    loader = ours.DataLoader([(np.zeros(1), 0)], 4, sampler=[0] * 8, transform=lambda image, rng: image + rng.random())
    values = [float(v) for images, _ in loader for v in images.numpy().ravel()]
    assert len(set(values)) == 8


def test_ninx_generator() -> None:
    g = ninx.Generator().manual_seed(42)
    assert g.initial_seed() == 42
    assert g.random() == ninx.Generator("cpu").manual_seed(42).random()
    assert ninx.Generator().random() == ninx.Generator().manual_seed(0).random()
    with pytest.raises(ValueError, match="device must be 'cpu', got 'cuda'"):
        ninx.Generator("cuda")


def test_names_that_are_not_there_are_answered() -> None:
    assert set(ours.__all__) <= set(theirs.__all__)
    for name in set(theirs.__all__) - set(ours.__all__):
        with pytest.raises(AttributeError, match=r"ninx.utils.data"):
            getattr(ours, name)


def test_the_modules_of_pytorch_s_own_layout() -> None:
    from ninx.utils.data.dataloader import DataLoader
    from ninx.utils.data.dataset import TensorDataset
    from ninx.utils.data.sampler import SubsetRandomSampler

    assert (DataLoader, TensorDataset, SubsetRandomSampler) == (ours.DataLoader, data.TensorDataset, data.SubsetRandomSampler)


def test_seven_lines_of_a_tutorial() -> None:
    """The PyTorch tutorial on data sets of one's own, samples as dictionaries and as pairs, with its imports changed."""
    from ninx.utils.data import DataLoader, Dataset, random_split

    class Faces(Dataset):
        def __init__(self, count: int, transform: Callable[..., Any] | None = None):
            self.count, self.transform = count, transform

        def __len__(self) -> int:
            return self.count

        def __getitem__(self, idx: int) -> dict[str, Any]:
            sample = {"image": np.full((3, 4, 4), idx, np.float32), "landmarks": np.full((5, 2), idx)}
            return self.transform(sample) if self.transform else sample

    train, valid = random_split(
        Faces(10, lambda s: s | {"image": s["image"] * 2}), [8, 2], generator=ninx.Generator().manual_seed(1)
    )
    loader = DataLoader(train, batch_size=4, shuffle=True, num_workers=2)
    for batch in loader:
        assert batch["image"].size() == (4, 3, 4, 4)
        assert batch["landmarks"].dtype == np.int64
        assert np.array_equal(batch["image"][:, 0, 0, 0].numpy(), 2 * batch["landmarks"][:, 0, 0].numpy())
    assert len(loader.dataset) == 8
    assert len(loader.sampler) == 8
    assert len(valid) == 2
