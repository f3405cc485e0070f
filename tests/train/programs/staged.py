"""Staged growth: weights move from net to net by index, new 1x1 layers begin as ones and are then learnt alone."""

import torch
from torch import nn, optim


def train(net, images, labels, steps=3, lr=0.05):
    optimizer = optim.Adam([p for p in net.parameters() if p.requires_grad], lr=lr)
    loss_function = nn.CrossEntropyLoss()
    for _ in range(steps):
        loss = loss_function(net(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return loss.item()


images, labels = torch.from_numpy(pictures(5, 1, 12)), torch.tensor([0, 1, 2, 0, 1])

stage1 = nn.Sequential(nn.Conv2d(1, 4, 5, padding=2), nn.ReLU(True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 6 * 6, 3))
fill(stage1)
results.append(train(stage1, images, labels))

stage2 = nn.Sequential(
    nn.Conv2d(1, 4, 5, padding=2),
    nn.ReLU(),
    nn.Conv2d(4, 4, 1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(4 * 6 * 6, 3),
)
stage2[0].weight.data = stage1[0].weight.data.clone()
stage2[0].bias.data.copy_(stage1[0].bias.data)
stage2[2].weight.data[:] = 1
stage2[2].bias.data[:] = 0
stage2[-1].load_state_dict(stage1[-1].state_dict())
for p in stage2[0].parameters():
    p.requires_grad = False
results.append(stage2(images))
results.append(train(stage2, images, labels))
results.append([bool((stage2[0].weight == stage1[0].weight).all()), len(list(stage2.parameters()))])

layers = list(stage2.children())
stage3 = nn.Sequential(*layers[:5], nn.Conv2d(4, 6, 3, 1, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())
fill(stage3[5])
for p in stage3.parameters():
    p.requires_grad_(True)
stage3.add_module("head", nn.Linear(6, 3))
fill(stage3.head)
for name, p in stage3.named_parameters():
    if "weight" in name and p.dim() > 1:
        p.data.mul_(0.5)
results.append(train(stage3, images, labels, steps=2))
with torch.no_grad():
    for p in stage3.parameters():
        p -= 0.1 * p.grad
results += [
    stage3(images),
    [n for n, _ in stage3.named_parameters()],
    torch.cat([p.view(-1) for p in stage3.parameters()]).norm(),
]
