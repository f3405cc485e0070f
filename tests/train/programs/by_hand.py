"""Older habits and smaller tools: Variable, updates by hand, hooks, class activation maps, one-hot targets, einsum."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable

x = Variable(torch.from_numpy(pictures(3, 2, 6)), requires_grad=True)
w = torch.tensor(pictures(1, 4, 2)[0, :, :, 0] - 0.5, requires_grad=True)
lr = 0.1
for t in range(3):
    hidden = torch.einsum("nchw,oc->nohw", x, w).clamp(min=0)
    loss = (hidden - 0.3).pow(2).mean(dim=[2, 3]).sum()
    loss.backward()
    w.data -= lr * w.grad.data
    w.grad.data.zero_()
    results.append(loss.item())
with torch.no_grad():
    w -= lr * x.grad.sum() * torch.ones_like(w)
    x.grad.zero_()
results += [w, w.is_leaf, x.grad.abs().sum().item()]

net = nn.Sequential(
    nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(), nn.Conv2d(5, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
)
fill(net)
activation = {}


def get_activation(name):
    def hook(model, input, output):
        activation[name] = output.detach()

    return hook


handle = net[3].register_forward_hook(get_activation("maps"))
before = net[0].register_forward_pre_hook(lambda module, args: (args[0] * 2,))
scores = net(x)
handle.remove()
before.remove()
cam = F.relu(activation["maps"][0]).cpu().numpy()
results += [scores, cam, list(cam.shape)]

labels = torch.tensor([1, 3, 0])
one_hot = F.one_hot(labels, num_classes=4).float()
also = torch.zeros(3, 4).scatter_(1, labels.unsqueeze(1), 1)
loss = (
    -(one_hot * F.log_softmax(scores, dim=1)).sum(dim=1).mean()
    + 0.0 * also.sum()
    + 1e-4 * sum(p.norm() ** 2 for p in net.parameters())
)
net.zero_grad()
loss.backward()
for p in net.parameters():
    p.data.add_(p.grad.data, alpha=-lr)
results += [loss, bool((one_hot == also).all()), net[0].weight, net[2].bias.grad]
a, b = scores.chunk(2, dim=1)
results += [
    a,
    torch.stack([a, b]).permute(1, 0, 2).contiguous().view(3, -1),
    torch.cat((a, b), dim=1) % 0.05,
    scores.gather(1, labels.view(-1, 1)),
]
results += [
    torch.linspace(0, 1, steps=5),
    torch.arange(10, 0, -3),
    (scores > scores.mean()).int().sum(),
    scores.std(unbiased=False),
    scores.var(0),
]
results += [
    scores.max(),
    scores.max(dim=1).values,
    scores.sort(dim=1, descending=True)[0],
    (labels // 2) + labels % 2,
    ~(labels > 0),
]
results += [torch.where(scores > 0.1, scores, torch.zeros_like(scores)).sum(axis=0, keepdims=True), torch.eye(3)[labels % 3]]
