"""A network of NiN blocks, called layer by layer, then trained for two steps."""

import torch
from torch import nn


def nin_block(in_channels, out_channels, kernel_size, strides, padding):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, strides, padding), nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1), nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1), nn.ReLU(),
    )  # fmt: skip


net = nn.Sequential(
    nin_block(1, 24, 11, 4, 0),
    nn.MaxPool2d(3, stride=2),
    nin_block(24, 32, 5, 1, 2),
    nn.MaxPool2d(3, stride=2),
    nin_block(32, 48, 3, 1, 1),
    nn.MaxPool2d(3, stride=2),
    nn.Dropout(0.5),
    nin_block(48, 10, 3, 1, 1),
    nn.AdaptiveAvgPool2d((1, 1)),
    nn.Flatten(),
)
X = torch.rand(size=(1, 1, 112, 112))
for layer in net:
    X = layer(X)
    results.append(f"{layer.__class__.__name__} {tuple(X.shape)}")


def init_weights(m):
    if type(m) == nn.Linear or type(m) == nn.Conv2d:
        nn.init.xavier_uniform_(m.weight)


net.apply(init_weights)
fill(net)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
net.to(device)
net.eval()  # the masks of dropout are each library's own
optimizer = torch.optim.SGD(net.parameters(), lr=0.02)
loss = nn.CrossEntropyLoss()
X = torch.from_numpy(pictures(4, 1, 112)).to(device)
y = torch.tensor([3, 0, 9, 3], device=device)
for _ in range(2):
    optimizer.zero_grad()
    y_hat = net(X)
    l = loss(y_hat, y)
    l.backward()
    optimizer.step()
    with torch.no_grad():
        results += [float(l * X.shape[0]), float((y_hat.argmax(axis=1).type(y.dtype) == y).type(y.dtype).sum())]
results.append(y_hat)
results.append(sum(p.numel() for p in net.parameters() if p.requires_grad))
