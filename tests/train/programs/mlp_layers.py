"""A class with mlpconv layers, batch normalisation and a fully connected head; weights drawn through .data, a schedule."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim


class MlpConv(nn.Module):
    def __init__(self, cin, cout, k, pad=0):
        super(MlpConv, self).__init__()
        self.conv = nn.Conv2d(cin, cout[0], k, padding=pad)
        self.bn = nn.BatchNorm2d(cout[0])
        self.mlp1 = nn.Conv2d(cout[0], cout[1], 1)
        self.mlp2 = nn.Conv2d(cout[1], cout[2], 1)

    def forward(self, x):
        x = F.relu(self.bn(self.conv(x)), inplace=True)
        x = F.relu(self.mlp1(x), inplace=True)
        return F.relu(self.mlp2(x))


class Net(nn.Module):
    def __init__(self, num_classes=10):
        super(Net, self).__init__()
        self.block1 = MlpConv(3, (8, 6, 4), 5, 2)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.block2 = MlpConv(4, (8, 8, 6), 3, pad=1)
        self.pool2 = nn.AvgPool2d(kernel_size=3, stride=2, padding=1)
        self.drop = nn.Dropout(p=0.0, inplace=True)
        self.fc = nn.Linear(6 * 4 * 4, num_classes, bias=True)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                m.weight.data.normal_(0, 0.05)
                if m.bias is not None:
                    m.bias.data.zero_()
            elif isinstance(m, nn.BatchNorm2d):
                m.weight.data.fill_(1)
                m.bias.data.zero_()
            elif isinstance(m, nn.Linear):
                nn.init.kaiming_normal_(m.weight.data)
                nn.init.constant_(m.bias, 0)

    def forward(self, x, features=False):
        x = self.pool1(self.block1(x))
        x = self.drop(self.pool2(self.block2(x)))
        flat = x.view(x.size(0), -1)
        return flat if features else self.fc(flat)


net = Net(num_classes=5)
results.append(float(net.block1.conv.weight.data.std()) < 0.1)
fill(net)
if torch.cuda.is_available():
    net = net.cuda()
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
scheduler = optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 2], gamma=0.1)
inputs, targets = torch.from_numpy(pictures(6, 3, 16)), torch.tensor([0, 1, 2, 3, 4, 0])
for epoch in range(3):
    net.train()
    running_loss = 0.0
    for i in range(2):
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    scheduler.step()
    results += [running_loss / 2, optimizer.param_groups[0]["lr"], scheduler.get_last_lr()[0]]
net.eval()
with torch.no_grad():
    _, predicted = torch.max(net(inputs).data, 1)
    results += [predicted.tolist(), (predicted == targets).sum().item(), net(inputs, features=True).shape[1]]
results += [net.block1.bn.running_mean, net.fc.weight, list(net.state_dict().keys())]
