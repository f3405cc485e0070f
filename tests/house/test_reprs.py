"""What objects show at a prompt: PyTorch's text where PyTorch has the thing, never an error, never a page of numbers."""

import importlib
import re
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from torch import nn as tnn

import ninx
from ninx import data, looks, nn, optim, train

# -------------------------------------------------------------------- layers

LAYERS: dict[str, tuple[Any, ...]] = {  # arguments, of both
    "AdaptiveAvgPool2d": ((1,), ((3, None),)),
    "AvgPool2d": ((3,), (3, 2, 1), ((3, 2), (2, 1))),
    "BatchNorm1d": ((4,), (4, 1e-3, None, False, False)),
    "BatchNorm2d": ((4,), (4, 1e-3, 0.5, False, True)),
    "Conv2d": ((4, 6, 3), (4, 6, (3, 1), 2, (1, 0), (2, 3), 2, False), (4, 6, 3, 1, "same"), (4, 6, 3, 1, "valid")),
    "ConvTranspose2d": ((4, 6, 3), (4, 6, 3, 2, 1, 1, 2, False, 2), (4, 6, (3, 2), (2, 1), (1, 0))),
    "AdaptiveMaxPool2d": ((5,), ((None, 3),)),
    "BCELoss": ((),),
    "BCEWithLogitsLoss": ((),),
    "CrossEntropyLoss": ((),),
    "Dropout": ((), (0.2,), (0.2, True)),
    "Dropout2d": ((), (0.2,), (0.2, True)),
    "ELU": ((), (0.5, True)),
    "Fold": (((4, 5), 3), (6, (3, 2), 2, (1, 0), (2, 1))),
    "Unfold": ((3,), ((3, 2), 2, (1, 0), (2, 1))),
    "Hardtanh": ((), (-2.0, 0.5)),
    "ModuleDict": ((),),
    "PReLU": ((), (3,)),
    "ReLU6": ((), (True,)),
    "SiLU": ((), (True,)),
    "SmoothL1Loss": ((),),
    "Softplus": ((), (2.0, 10.0)),
    "Unflatten": ((1, (2, 3)),),
    "Flatten": ((), (2, 3)),
    "Identity": ((),),
    "L1Loss": ((),),
    "LeakyReLU": ((), (0.2,), (0.2, True)),
    "Linear": ((3, 4), (3, 4, False)),
    "LocalResponseNorm": ((5,), (5, 1e-3, 0.5, 2.0)),
    "LogSoftmax": ((1,),),
    "MSELoss": ((),),
    "MaxPool2d": ((3,), (3, 2, 1, 2, False), ((3, 2), (2, 1), 1)),
    "NLLLoss": ((),),
    "ReLU": ((), (True,)),
    "Sigmoid": ((),),
    "Softmax": ((1,), (-1,)),
    "Tanh": ((),),
}
OWN = {"Buffer", "GlobalAvgPool2d", "MLPConv", "Maxout", "Module", "ModuleList", "Parameter"}
OWN |= {"ParameterDict", "ParameterList", "Sequential"}  # further down


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_says_what_pytorch_s_says(name: str) -> None:
    for arguments in LAYERS[name]:
        theirs = repr(getattr(tnn, name)(*arguments)).replace(", inplace=False", "")  # ours says only what is unusual
        theirs = re.sub(r"(affine=\w+), bias=\w+", r"\1", theirs)  # of BatchNorm: ours has a bias if it has a weight
        assert repr(getattr(nn, name)(*arguments)) == theirs


def test_every_layer_is_looked_at() -> None:
    classes = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    assert set(LAYERS) | OWN == classes


def test_layers_that_pytorch_does_not_have_and_settings_that_it_does_not_tell() -> None:
    assert repr(nn.GlobalAvgPool2d()) == "GlobalAvgPool2d()"
    assert repr(nn.Maxout(2)) == "Maxout(pool_size=2)"
    assert repr(nn.Module()) == repr(tnn.Module()) == "Module()"
    assert repr(nn.AvgPool2d(3, 2, 0, True, False, 7)) == (
        "AvgPool2d(kernel_size=3, stride=2, padding=0, ceil_mode=True, count_include_pad=False, divisor_override=7)"
    )
    loss = nn.CrossEntropyLoss(ninx.ones(2), None, 3, None, "sum", 0.1)
    assert repr(loss) == "CrossEntropyLoss(weight=tensor([1., 1.]), ignore_index=3, reduction=sum, label_smoothing=0.1)"
    assert repr(nn.L1Loss(reduction="none")) == "L1Loss(reduction=none)"


def _nested(lib: Any) -> Any:
    """The same network of ours and of PyTorch's."""
    inner = lib.Sequential(lib.Linear(2, 2), lib.ReLU())
    named = lib.Sequential()
    for name, part in (("first", inner), ("last", lib.Linear(2, 1))):
        setattr(named, name, part)
    alike = lib.ModuleList(
        [lib.Linear(2, 2), lib.Linear(2, 2), lib.Linear(2, 3), lib.Sequential(lib.ReLU()), lib.Sequential(lib.ReLU())]
    )

    class Whole(lib.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.parts, self.none, self.count = named, alike, None, 3
            self.same = lib.Sequential(lib.ReLU(), lib.ReLU(), lib.ModuleList([]), lib.Sequential())

        def extra_repr(self) -> str:
            return "depth=3\nwidth=2"

    return Whole()


def test_a_tree_of_modules_is_pytorch_s() -> None:
    ours, theirs = repr(_nested(nn)), repr(_nested(tnn))
    assert ours == theirs
    assert "(0-1): 2 x Linear(in_features=2, out_features=2, bias=True)" in ours
    assert "  depth=3\n  width=2\n" in ours


def test_mlpconv_shows_its_parts() -> None:
    lines = repr(nn.MLPConv(1, (2, 3), 3)).split("\n")
    assert lines[0] == "MLPConv("
    assert lines[1] == "  (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))"
    assert len(lines) == 6


def test_loading_says_what_pytorch_s_loading_says() -> None:
    ours, theirs = nn.Linear(2, 3), tnn.Linear(2, 3)
    assert repr(ours.load_state_dict(ours.state_dict())) == repr(theirs.load_state_dict(theirs.state_dict()))
    told = [repr(net.load_state_dict({"weight": net.weight, "w": net.bias}, strict=False)) for net in (ours, theirs)]
    assert told[0] == told[1].removeprefix("_") == "IncompatibleKeys(missing_keys=['bias'], unexpected_keys=['w'])"


# -------------------------------------------------------------------- tensors


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=13), elements=st.floats(width=32))
    | hnp.arrays(np.int64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=13), elements=st.integers(-999, 9999))
    | hnp.arrays(np.bool_, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9)),
    st.booleans(),
)
def test_a_tensor_is_printed_as_pytorch_prints_it(values: np.ndarray[Any, Any], wanted: bool) -> None:
    wanted = wanted and values.dtype == np.float32
    ours, theirs = ninx.tensor(values, requires_grad=wanted), torch.from_numpy(np.array(values)).requires_grad_(wanted)
    assert repr(ours) == _named_as_numpy(repr(theirs))


def _named_as_numpy(text: str) -> str:
    return text.replace("dtype=torch.", "dtype=")


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (7,), (30,), (3, 40), (1000,), (1001,), (70, 80), (7, 3, 60), (2, 3, 4, 50)])
def test_tensors_of_every_size_are_printed_as_pytorch_prints_them(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    whole = np.random.default_rng(0).integers(-500, 500, shape)
    for array in (values, values * np.float32(1e-6), whole, whole > -2000, np.round(values * 99)):
        array = np.asarray(array)
        assert repr(ninx.tensor(array)) == _named_as_numpy(repr(torch.from_numpy(array.copy())))
    assert len(repr(ninx.tensor(values))) < 20_000


def test_the_notes_of_a_tensor() -> None:
    x = ninx.tensor(np.linspace(0, 1, 7), requires_grad=True)
    assert repr(x[:2]) == "tensor([0.0000, 0.1667], dtype=float64, grad_fn=<getitem>)"
    assert repr(x).endswith("1.0000], dtype=float64,\n       requires_grad=True)")  # a line has 80 columns
    assert repr(ninx.zeros(0, dtype=np.int64)) == "tensor([], dtype=int64)"
    assert repr(ninx.zeros(2, 0, dtype=np.float64)) == "tensor([], size=(2, 0), dtype=float64)"
    assert repr((x * 2).grad_fn) == "<mul>"
    assert f"{ninx.tensor(0.5):.1f} {ninx.tensor([1, 2])}" == "0.5 tensor([1, 2])"


def test_a_parameter_says_so() -> None:
    ours, theirs = nn.Parameter(np.ones((2, 2), np.float32)), tnn.Parameter(torch.ones(2, 2))
    assert repr(ours) == str(ours) == repr(theirs)
    assert repr(nn.Buffer(np.ones(2, np.float32))) == repr(torch.ones(2)) == "tensor([1., 1.])"
    assert len(repr(ninx.models.create("nin-mnist")[0][0].weight)) < 10_000


# -------------------------------------------------------------------- data


def test_data_sets_say_how_much_of_what(tmp_path: Path) -> None:
    text = "ArrayDataset(4,000 images 28x28, uint8; 10 classes: 0, 1, 2, 3, 4, 5, 6, 7 and 2 more)"
    digits = data.load("digits", "train")
    assert repr(digits) == text
    assert repr(data.ArrayDataset(np.zeros((0, 3, 4, 5), np.float32), np.zeros(0), [])) == (
        "ArrayDataset(0 images 3x4x5, float32; 0 classes: )"
    )
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        Image.new("L", (3, 4)).save(tmp_path / "pets" / name / "1.png")
    shown = repr(data.ImageFolder(tmp_path / "pets", "L"))
    assert re.fullmatch(r"ImageFolder\('.*pets': 2 images, L; 2 classes: cat, dog\)", shown)


def test_transforms_say_their_settings() -> None:
    chain = data.Compose(
        [
            data.Resize((3, 4)),
            data.ToTensor(),
            data.Compose([data.RandomHorizontalFlip(), data.RandomCrop(24, 2)]),
            data.RandomTranslate(2),
            data.RandomAffine(12, 0.5),
            data.CenterCrop(24),
            data.GlobalContrastNorm(),
            data.LocalContrastNorm(9, 3.0),
            data.ZCA(),
            data.ZCA(0.5).fit(np.random.default_rng(0).random((9, 4))),
            data.Normalize([0.1307, 0.5], [0.3081, 1]),
        ]
    )
    assert repr(chain) == "\n".join(
        [
            "Compose(",
            "    Resize(size=(3, 4))",
            "    ToTensor()",
            "    Compose(",
            "        RandomHorizontalFlip(p=0.5)",
            "        RandomCrop(size=(24, 24), padding=2, fill=0.0)",
            "    )",
            "    RandomTranslate(pixels=2, fill=0.0)",
            "    RandomAffine(degrees=12, scale=0.5)",
            "    CenterCrop(size=(24, 24))",
            "    GlobalContrastNorm(scale=55.0, bias=0.0, epsilon=1e-08)",
            "    LocalContrastNorm(kernel_size=9, sigma=3.0, threshold=0.0001)",
            "    ZCA(bias=0.1; not fitted yet)",
            "    ZCA(bias=0.5; fitted to images of 4 values)",
            "    Normalize(mean=[0.1307, 0.5], std=[0.3081, 1.0])",
            ")",
        ]
    )
    assert repr(data.Compose([])) == "Compose()"


def test_a_loader_says_what_it_loads() -> None:
    loader = data.DataLoader(data.load("digits", "test"), 64, shuffle=True, seed=3, transform=data.Compose([data.ToTensor()]))
    next(iter(loader))
    assert repr(loader) == "\n".join(
        [
            "DataLoader(",
            "  16 batches of 64, shuffled, seed 3, epoch 1, 0 workers, on cpu",
            "  dataset: ArrayDataset(1,000 images 28x28, uint8; 10 classes: 0, 1, 2, 3, 4, 5, 6, 7 and 2 more)",
            "  transform: Compose(",
            "      ToTensor()",
            "  )",
            ")",
        ]
    )
    plain = repr(data.DataLoader([(np.zeros((100, 100)), 0)] * 10_000, drop_last=True))
    assert "  10,000 batches of 1, in order, " in plain
    assert "  dataset: a list of 10,000\n  transform: None" in plain


# -------------------------------------------------------------------- optimisers and schedules


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_an_optimiser_lists_its_groups_as_pytorch_does(name: str) -> None:
    settings = {"lr": 0.25, "weight_decay": 0.5} | (
        {"momentum": 0.9, "dampening": 0.5} if name == "SGD" else {"betas": (0.5, 0.75)}
    )
    ours = [nn.Parameter(np.ones((2, 3), np.float32)), nn.Parameter(np.ones(4, np.float32))]
    theirs = [tnn.Parameter(torch.ones(2, 3)), tnn.Parameter(torch.ones(4))]
    first, second = (
        repr(getattr(lib, name)([{"params": p[:1]}, {"params": p[1:], "lr": 0.125}], **settings))
        for lib, p in ((optim, ours), (torch.optim, theirs))
    )
    told = set(re.findall(r"^    (\w+):", first, re.MULTILINE))
    lines = [line for line in second.split("\n") if not line.startswith("    ") or line.split(":")[0].strip() in told]
    assert re.sub(r"(Group \d): .*", r"\1", first).split("\n") == [line for line in lines if line]
    assert {"lr", "weight_decay", *settings} <= told
    assert "Parameter Group 0: 1 tensors, 6 numbers" in first
    many = optim.SGD([{"params": [nn.Parameter(np.ones(2))]} for _ in range(50)])
    assert repr(many).endswith("\nand 42 more\n)")
    assert repr(many).count("Parameter Group ") == 8


def test_schedules_say_their_settings_and_the_rate_now() -> None:
    optimizer = optim.SGD([nn.Parameter(np.ones(2))], 0.5)
    kinds = optim.lr_scheduler
    step = kinds.StepLR(optimizer, 2, 0.5)
    assert repr(step) == "StepLR(step_size=2, gamma=0.5, last_epoch=0, lr=[0.5])"
    optimizer.step()
    step.step()
    step.step()
    assert repr(step) == "StepLR(step_size=2, gamma=0.5, last_epoch=2, lr=[0.25])"
    assert repr(kinds.MultiStepLR(optimizer, range(900))).startswith("MultiStepLR(milestones=[0, 1, 2, 3, 4, 5, ...], gamma=0.1,")
    assert "T_max=3" in repr(kinds.CosineAnnealingLR(optimizer, 3))
    assert "total_steps=9" in repr(kinds.OneCycleLR(optimizer, 0.5, 9, cycle_momentum=False))
    assert "mode='min', factor=0.1, patience=10" in repr(kinds.ReduceLROnPlateau(optimizer))


# -------------------------------------------------------------------- training


def test_recipes_trainings_and_checkpoints_are_one_line(tmp_path: Path) -> None:
    recipe = train.recipe.load("digits", {"limit": 40, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}})
    text = "nin-mnist-v0 on digits, 1 epochs, batches of 64, SGD lr 0.1, onecycle schedule, seed 0"
    assert repr(recipe) == f"Recipe(digits: {text})"
    assert "batch_size=64" in str(recipe)  # all values
    staged = train.recipe.load("digits-staged")
    assert "3 stages" in repr(staged)
    training = train.Training(recipe, tmp_path / "run")
    list(training.run())
    place = re.escape(str(tmp_path / "run")) if len(str(tmp_path / "run")) <= 60 else ".*"
    wanted = rf"Training\('{place}': nin-mnist-v0 \(4,370 parameters\) on 40 images of digits, epoch 1 of 1\)"
    assert re.fullmatch(wanted, repr(training))
    assert repr(training.schedule).startswith("Schedule(OneCycleLR(max_lrs=[0.1], total_steps=1")
    assert repr(training.schedule).endswith(", each iteration)")
    assert repr(training.preparation) == "Preparation(ToTensor(), Normalize(mean=[0.1307], std=[0.3081]))"
    checkpoint = train.read_checkpoint(tmp_path / "run")
    assert repr(checkpoint) == "Checkpoint(digits: nin-mnist-v0 on digits, epoch 1 of 1, 4,370 weights, 10 classes)"
    evaluation = train.Evaluation(0.5, np.array([[3, 1], [0, 4]]))
    assert repr(evaluation) == "Evaluation(accuracy 87.50 %, loss 0.5000; 8 images of 2 classes)"


def test_buffers_are_no_weights(tmp_path: Path) -> None:
    training = train.Training(train.recipe.load("digits", {"limit": 40}), tmp_path / "run")
    training.save()
    assert "351,102 weights" in repr(train.read_checkpoint(training.folder))
    assert "(351,102 parameters)" in repr(training)
    assert sum(p.numel() for p in training.model.parameters()) == 351_102


# -------------------------------------------------------------------- what is only half made

CLASSES = [
    *(getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type) and name not in ("Parameter", "Buffer")),
    *(optim.SGD, optim.Adam, optim.lr_scheduler.StepLR, optim.lr_scheduler.OneCycleLR, optim.lr_scheduler.ReduceLROnPlateau),
    *(
        data.ArrayDataset,
        data.ImageFolder,
        data.DataLoader,
        data.Compose,
        data.ToTensor,
        data.Normalize,
        data.RandomCrop,
        data.ZCA,
    ),
    *(data.CenterCrop, data.GlobalContrastNorm, data.LocalContrastNorm, data.RandomAffine, data.RandomTranslate, data.Resize),
    *(train.Training, train.Checkpoint, train.Evaluation, train.Prediction, train.Run, train.Recipe),
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_nothing_fails_before_it_is_made(kind: type) -> None:
    """As a debugger sees an object in the first line of its own __init__."""
    text = repr(kind.__new__(kind))
    assert text.startswith(f"{kind.__name__}(")
    assert len(text) < 200


class Faulty(nn.Module):
    """A part of one's own whose text cannot be made."""

    def extra_repr(self) -> str:
        return f"size={1 // 0}"


def test_one_faulty_part_does_not_hide_the_others() -> None:
    shown = repr(nn.Sequential(nn.ReLU(), Faulty(), nn.Linear(1, 1)))
    assert "  (0): ReLU()\n  (1): Faulty(not whole: " in shown
    assert "(2): Linear(in_features=1" in shown
    net = nn.Module()
    net.part = net
    assert repr(net) == "Module(\n  (part): ...\n)"
    assert repr(data.Compose([Faulty(), data.ToTensor()])).endswith("\n    ToTensor()\n)")


# -------------------------------------------------------------------- names that are offered

PACKAGES = [
    "ninx",
    *(f"ninx.{name}" for name in ("data", "functional", "kernels", "models", "nn", "ops", "optim", "train")),
    "ninx.autograd",
    "ninx.nn.init",
    "ninx.optim.lr_scheduler",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_dir_shows_what_is_public_and_nothing_else(package: str) -> None:
    module = importlib.import_module(package)
    offered = dir(module)
    assert [name for name in offered if name[:2] != "__"] == sorted(n for n in module.__all__ if n[:2] != "__")
    for name in offered:
        getattr(module, name)
    hidden = {"np", "Any", "annotations", "TYPE_CHECKING", "only_public", "_LAZY", "Callable", "NamedTuple"}
    assert not hidden & set(offered)
    assert {"__doc__", "__name__", "__all__", "__file__"} <= set(offered)


def test_what_people_use_is_offered() -> None:
    for package, names in {
        ninx: "Run Tensor data functional kernels load_checkpoint load_run models nn optim summary tensor train",
        ninx.nn: "Conv2d MLPConv Module Sequential init",
        ninx.optim: "SGD lr_scheduler",
        ninx.functional: "conv2d relu",
        ninx.data: "DataLoader ImageFolder load read_digit",
        ninx.models: "create names nin_cifar10 preset",
        ninx.train: "Recipe Run Training load_run recipe",
        ninx.kernels: "loops strided use_kernels",
    }.items():
        assert isinstance(package, types.ModuleType)
        assert set(names.split()) <= set(dir(package)), package.__name__


def test_short_texts() -> None:
    assert looks.few([]) == ""
    assert looks.few("abc", 3) == "a, b, c"
    assert looks.few(range(9), 2) == "0, 1 and 7 more"
    for width in range(1, 12):
        text = looks.shortened("0123456789", width)
        assert len(text) == min(width, 10)
        assert ("…" in text) == (width < 10)
