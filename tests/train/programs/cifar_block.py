"""A CIFAR network: groups with their own rates, log-softmax and NLL, clipped gradients, a checkpoint of everything."""

import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import StepLR


class NIN(nn.Module):
    def __init__(self):
        super().__init__()
        self.classifier = nn.Sequential(
            nn.Conv2d(3, 12, kernel_size=5, stride=1, padding=2), nn.BatchNorm2d(12), nn.ReLU(inplace=True),
            nn.Conv2d(12, 10, kernel_size=1, stride=1, padding=0), nn.ReLU(inplace=True),
            nn.Conv2d(10, 8, kernel_size=1, stride=1, padding=0), nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            nn.Dropout(0.5),
            nn.Conv2d(8, 12, 5, 1, 2, bias=False), nn.BatchNorm2d(12, affine=True), nn.ReLU(inplace=True),
            nn.Conv2d(12, 4, 1), nn.ReLU(inplace=True),
            nn.AvgPool2d(kernel_size=3, stride=2, padding=1),
            nn.AvgPool2d(kernel_size=4, stride=1, padding=0),
        )  # fmt: skip

    def forward(self, x):
        x = self.classifier(x)
        return F.log_softmax(x.view(x.size(0), 4), dim=1)


model = NIN()
fill(model)
for m in model.modules():
    if isinstance(m, nn.Dropout):
        m.p = 0.0
decay = [p for n, p in model.named_parameters() if n.endswith("weight") and p.dim() == 4]
rest = [p for n, p in model.named_parameters() if not (n.endswith("weight") and p.dim() == 4)]
optimizer = torch.optim.SGD(
    [{"params": decay, "weight_decay": 1e-3}, {"params": rest, "lr": 0.02}], lr=0.01, momentum=0.9, nesterov=True
)
scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
data, target = torch.from_numpy(pictures(4, 3, 16)), torch.tensor([3, 1, 2, 0])
best_acc = 0
for epoch in range(1, 4):
    model.train()
    optimizer.zero_grad()
    output = model(data)
    loss = F.nll_loss(output, target, reduction="mean")
    loss.backward()
    results.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.5)))
    optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        output = model(data)
        test_loss = F.nll_loss(output, target, reduction="sum").item()
        pred = output.argmax(dim=1, keepdim=True)
        correct = pred.eq(target.view_as(pred)).sum().item()
        top = output.topk(2, dim=1)[1].t()
        top2 = top.eq(target.view(1, -1).expand_as(top)).float().sum().item()
    results += [loss.item(), test_loss, 100.0 * correct / len(data), top2, [g["lr"] for g in optimizer.param_groups]]

path = os.path.join(tempfile.mkdtemp(), "checkpoint.pth")
torch.save({"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "best": (best_acc, 0.5)}, path)
checkpoint = torch.load(path, map_location="cpu")
again = NIN()
again.load_state_dict(checkpoint["model"])
again.eval()
optimizer2 = torch.optim.SGD([{"params": decay}, {"params": rest}], lr=0.5)
optimizer2.load_state_dict(checkpoint["optimizer"])
results += [again(data), checkpoint["epoch"], list(checkpoint["best"]), [g["lr"] for g in optimizer2.param_groups]]
