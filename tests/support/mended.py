"""For each rule one of the broken set-ups, with the change made that its finding suggests, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import broken
import numpy as np
from broken import Setup, block, digits, of, sgd, sound

import ninx
from ninx import nn, optim

MENDED: dict[str, tuple[str, Callable[[], Setup]]] = {}  # the rule: the name of the broken set-up, and the mended one


def mends(rule: str, name: str) -> Callable[[Callable[[], Setup]], Callable[[], Setup]]:
    def entered(make: Callable[[], Setup]) -> Callable[[], Setup]:
        assert broken.PLANTED[name][0] == rule
        MENDED[rule] = name, make
        return make

    return entered


def head(*layers: nn.Module) -> nn.Sequential:
    return sound(list(layers))


@mends("collapses", "two_linear_layers")
def a_relu_between() -> Setup:
    return of(nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)), lr=0.01)


@mends("logits-not-classes", "an_average_too_small")
def the_whole_map_averaged() -> Setup:
    return of(head(nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten()))


@mends("softmax-before-loss", "a_softmax_at_the_end")
def the_softmax_left_out() -> Setup:
    return of(head(nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten()))


@mends("relu-logits", "a_relu_at_the_end")
def the_last_relu_left_out() -> Setup:
    return of(nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)), lr=0.01)


@mends("relu-before-gap", "a_relu_before_the_average")
def no_relu_before_the_average() -> Setup:
    setup = broken.a_relu_before_the_average()
    kept = [layer for i, layer in enumerate(setup.model) if i != len(setup.model) - 3]
    net = nn.Sequential(*kept)
    nn.init.zeros_(net[-3].bias)
    return of(net)


@mends("dead-maps", "all_class_maps_dead")
def begun_anew_without_the_last_relu() -> Setup:
    return of(head(nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten()))


def _loader(n: int, size: int, drop_last: bool = False) -> ninx.data.DataLoader:
    x, y = digits(n)
    return ninx.data.DataLoader(
        ninx.data.TensorDataset(ninx.tensor(x), ninx.tensor(y)), size, shuffle=True, seed=0, drop_last=drop_last
    )


@mends("batch-norm-one-value", "a_last_batch_of_one_image")
def the_last_batch_dropped() -> Setup:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
    return of(net, _loader(65, 16, drop_last=True))


@mends("raises", "a_map_for_an_answer")
def the_map_averaged() -> Setup:
    return of(head(nn.Conv2d(16, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten()))


@mends("same-channels", "constant_weights")
def random_weights() -> Setup:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10))
    nn.init.kaiming_normal_(net[1].weight)
    nn.init.kaiming_normal_(net[3].weight)
    return of(net, lr=0.01)


@mends("shared-parameter", "one_weight_in_two_layers")
def a_weight_for_each_layer() -> Setup:
    return of(sound(body=[*block(1, 16), nn.MaxPool2d(2), *block(16, 16), *block(16, 16)]))


@mends("unused-parameter", "a_body_that_is_detached")
def nothing_detached() -> Setup:
    both = broken.Detached()
    return of(nn.Sequential(both.body, both.head))


@mends("max-named-average", "a_maximum_named_gap")
def a_real_average() -> Setup:
    net = broken.a_maximum_named_gap().model
    net.gap = nn.GlobalAvgPool2d()
    return of(net)


@mends("dropout-beside-norm", "dropout_before_a_norm")
def dropout_after_the_last_norm() -> Setup:
    return of(sound(body=[*block(1, 16), nn.MaxPool2d(2), *block(16, 16), nn.MaxPool2d(2), *block(16, 16), nn.Dropout(0.3)]))


@mends("bias-before-norm", "a_bias_before_a_norm")
def no_bias_before_the_norm() -> Setup:
    return of(sound())


@mends("padded-average", "an_average_that_counts_zeros")
def zeros_not_counted() -> Setup:
    average = nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)
    return of(sound(body=[*block(1, 16), nn.AvgPool2d(2), *block(16, 16), average, *block(16, 16)]))


@mends("dropped-pixels", "a_pooling_that_drops_rows")
def windows_that_hang_over() -> Setup:
    return of(sound(body=[*block(1, 16), nn.MaxPool2d(2), *block(16, 16), nn.MaxPool2d(4, ceil_mode=True), *block(16, 16)]))


@mends("receptive-field", "a_network_that_sees_little")
def poolings_in_between() -> Setup:
    body = [*block(1, 16, 5), nn.MaxPool2d(2), *block(16, 16, 5), nn.MaxPool2d(2), *block(16, 16, 5)]
    return of(sound(body=body))


@mends("not-finite", "a_logarithm_of_zero")
def no_logarithm() -> Setup:
    return of(sound(body=[*block(1, 16), *block(16, 16)]))


@mends("dead-relus", "a_layer_of_dead_relus")
def biases_of_zero() -> Setup:
    net = broken.a_layer_of_dead_relus().model
    nn.init.zeros_(net[3].bias)
    return of(net, lr=0.01)


@mends("saturated", "tanhs_that_lie_flat")
def first_weights_by_xavier() -> Setup:
    net = broken.tanhs_that_lie_flat().model
    nn.init.xavier_uniform_(net[1].weight)
    return of(net, lr=0.01)


@mends("vanishing-gradient", "a_branch_that_counts_for_nothing")
def a_branch_that_counts() -> Setup:
    return of(sound())


@mends("images-look-alike", "first_weights_too_small")
def first_weights_by_kaiming() -> Setup:
    net = broken.first_weights_too_small().model
    for layer in (net[0], net[2]):
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
    return of(net)


@mends("loss-at-start", "last_weights_too_large")
def smaller_last_weights() -> Setup:
    net = broken.last_weights_too_large().model
    nn.init.normal_(net[-3].weight, 0.0, 0.1)
    return of(net)


@mends("pixels-not-normalised", "pixels_up_to_255_without_norms")
def pixels_divided_by_255() -> Setup:
    setup = broken.pixels_up_to_255_without_norms()
    x, y = setup.data
    return of(setup.model, (x / 255, y))


@mends("labels-out-of-range", "labels_from_one_on")
def one_subtracted() -> Setup:
    x, y = broken.labels_from_one_on().data
    return of(sound(), (x, y - 1))


@mends("labels-shuffled", "labels_shifted_by_one")
def labels_shifted_back() -> Setup:
    x, y = broken.labels_shifted_by_one().data
    return of(sound(), (x, np.roll(y, -1)))


@mends("missing-class", "a_class_that_is_missing")
def all_classes() -> Setup:
    return of(sound(), digits(1000), classes=10)


@mends("sorted-batches", "batches_sorted_by_class")
def batches_shuffled() -> Setup:
    setup = broken.batches_sorted_by_class()
    return of(sound(), ninx.data.DataLoader(setup.data.dataset, 32, shuffle=True, seed=0), classes=10)


@mends("other-preparation", "test_images_without_normalisation")
def test_images_prepared_alike() -> Setup:
    return of(sound(), test=digits(200, "test"))


@mends("duplicates", "test_images_from_the_training_set")
def other_test_images() -> Setup:
    return of(sound(), test=digits(100, "test"))


@mends("not-finite-input", "an_image_that_is_nan")
def the_image_left_out() -> Setup:
    x, y = broken.an_image_that_is_nan().data
    return of(sound(), (np.delete(x, 3, 0), np.delete(y, 3)))


@mends("rate-too-large", "a_rate_too_large_without_norms")
def a_smaller_rate() -> Setup:
    return of(nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10)), lr=0.05)


@mends("rate-too-small", "a_rate_of_a_millionth")
def a_larger_rate() -> Setup:
    return of(sound(), lr=0.03)


@mends("not-optimised", "a_layer_added_later")
def the_optimiser_made_last() -> Setup:
    net = broken.a_layer_added_later().model
    return Setup(net, digits(), sgd(net))


@mends("decay-too-large", "a_decay_of_a_tenth")
def a_usual_decay() -> Setup:
    net = sound()
    bodies, vectors = ([p for p in net.parameters() if (p.ndim > 1) is many] for many in (True, False))
    groups = [{"params": bodies, "weight_decay": 1e-4}, {"params": vectors, "weight_decay": 0.0}]
    return Setup(net, digits(), optim.SGD(groups, lr=0.05, momentum=0.9))


@mends("schedule", "milestones_in_epochs_stepped_by_batches")
def milestones_in_batches() -> Setup:
    net = sound()
    optimizer = sgd(net)
    return Setup(net, digits(), optimizer, {"scheduler": optim.lr_scheduler.MultiStepLR(optimizer, [300, 400]), "steps": 500})
