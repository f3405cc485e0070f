"""The training and test loops of nearly every introduction: MNIST from its files, a device, save and load."""

import os

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
train_set = datasets.MNIST(folder, train=True, download=False, transform=transform)
test_set = datasets.MNIST(root=folder, train=False, transform=transform)
train_loader = DataLoader(train_set, batch_size=8, shuffle=False, num_workers=0, pin_memory=False, drop_last=False)
test_loader = DataLoader(dataset=test_set, batch_size=16, shuffle=False)
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
torch.manual_seed(1)
if torch.cuda.is_available():
    torch.cuda.manual_seed_all(1)
torch.backends.cudnn.benchmark = True


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 8, 5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(8 * 4 * 4, 20)
        self.fc2 = nn.Linear(20, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, training=self.training, p=0.0)
        return F.log_softmax(self.fc2(x), dim=1)


model = Net().to(device)
fill(model)
model.conv2_drop.p = 0.0
optimizer = optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-08)
img, label = train_set[0]
results += [list(img.shape), int(label), float(img.mean()), len(train_set), len(train_loader), type(label).__name__]


def train(epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        output = model(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        if batch_idx % 2 == 0:
            results.append(
                "Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.4f}".format(
                    epoch, batch_idx * len(data), len(train_loader.dataset), 100.0 * batch_idx / len(train_loader), loss.item()
                )
            )


def test():
    model.eval()
    test_loss, correct, total = 0, 0, 0
    with torch.no_grad():
        for images, labels in test_loader:
            images = images.to(device)
            labels = labels.to(device)
            outputs = model(images)
            test_loss += F.nll_loss(outputs, labels, reduction="sum").item()
            _, predicted = torch.max(outputs.data, dim=1)
            total += labels.size(0)
            correct += (predicted == labels).sum().item()
    results.append([test_loss / len(test_loader.dataset), correct, total])


for epoch in range(1, 3):
    train(epoch)
    test()

PATH = os.path.join(folder, "net.pt")
torch.save(model.state_dict(), PATH)
model2 = Net()
model2.load_state_dict(torch.load(PATH, weights_only=True))
model2.eval()
images, labels = next(iter(test_loader))
probabilities = torch.exp(model2(images))
results += [
    probabilities,
    probabilities.max(1)[1],
    images.numpy().shape,
    images.dtype == torch.float32,
    labels.dtype == torch.int64,
]
