"use strict";
/* Every word of the page, in English and in Chinese: [en, zh]. What holds numbers is a function of them. */

const WORDS = {
  language: ["中文", "English"],
  title: [(name) => `What ${name} sees`, (name) => `${name} 看到了什么`],
  about: [
    (a) => `A network of ${a.parameters} parameters and ${a.layers} layers. This page computes all of them, here, for any picture that you give it; nothing leaves your device.`,
    (a) => `这个网络有 ${a.parameters} 个参数、${a.layers} 层。本页在您的设备上为任意图片计算每一层，不会上传任何数据。`,
  ],
  trained: [
    (a) => `It was trained on ${a.data} for ${a.epoch} epochs${a.tested ? `, and knows ${a.right} of ${a.tested} test images` : ""}.`,
    (a) => `它在 ${a.data} 上训练了 ${a.epoch} 轮${a.tested ? `，${a.tested} 张测试图片中认对了 ${a.right} 张` : ""}。`,
  ],
  untrained: ["Its weights are those that it was made with.", "它的权重就是创建时的权重。"],
  float32: ["The weights are the engine's own (float32).", "权重与引擎中的完全相同（float32）。"],
  float16: [
    (a) => `To keep the file small, its large weights are rounded to float16: that moves a score by at most ${a.distance} % of the largest one${a.tested ? `, and changes ${a.changed} of ${a.tested} answers` : ""}.`,
    (a) => `为减小文件，较大的权重张量取整为 float16：得分最多改变最大得分的 ${a.distance} %${a.tested ? `，${a.tested} 个答案中有 ${a.changed} 个改变` : ""}。`,
  ],
  drawDigit: ["Draw a digit", "画一个数字"],
  drawPicture: ["Draw something", "画点什么"],
  showPicture: ["The picture", "图片"],
  padLabel: ["Drawing area. With a keyboard, open a picture or choose one below instead.", "绘图区。使用键盘时，请打开图片或在下方选择。"],
  clear: ["Clear", "清除"],
  open: ["Open a picture", "打开图片"],
  save: ["Save it", "保存"],
  colour: ["Colour of the pen", "画笔颜色"],
  pen: ["Thickness", "粗细"],
  dropHint: ["or drop a picture on it", "或把图片拖到这里"],
  whitened: [
    "The training whitened its pictures with a matrix of many million numbers, which this page leaves out: so it shows test images, prepared beforehand.",
    "训练时用一个数百万个数的矩阵对图片做了白化，本页没有带上它，因此只能显示事先处理好的测试图片。",
  ],
  photograph: [
    "Of a photograph of paper, ninx predict takes the lamp light and the shadows away first; this page does not.",
    "对于纸张照片，ninx predict 会先去掉光照和阴影；本页不会。",
  ],
  nothing: ["There is nothing to see yet: draw something.", "还没有内容：请画点什么。"],
  unreadable: ["That file is no picture that the browser can read.", "浏览器无法读取这个图片文件。"],
  given: ["What the network is given", "网络得到的输入"],
  answer: ["Its answer", "它的回答"],
  answered: [(name, percent) => `${name}, ${percent} % sure`, (name, percent) => `${name}，把握 ${percent} %`],
  truth: [(name) => `It is really ${name}.`, (name) => `实际上是 ${name}。`],
  truthRight: [(name) => `It is ${name} indeed.`, (name) => `确实是 ${name}。`],
  classMaps: [
    "The last maps are the classes. The mean of a map is the score of its class: you see where each score comes from.",
    "最后的特征图就是类别。一张图的平均值就是该类别的得分：可以看到每个得分来自哪里。",
  ],
  classScores: ["The last layer gives a score for each class; softmax makes probabilities of them.", "最后一层为每个类别给出得分；softmax 把它们变成概率。"],
  className: ["class", "类别"],
  classMap: ["map", "特征图"],
  score: ["score", "得分"],
  probability: ["probability", "概率"],
  best: [(n, all) => `The ${n} likeliest of ${all} classes.`, (n, all) => `${all} 个类别中最可能的 ${n} 个。`],
  mistakes: ["Its worst mistakes", "它最严重的错误"],
  mistakesHint: ["what it is → what the network says", "实际类别 → 网络的回答"],
  known: ["Pictures that it knows", "它认得的图片"],
  noise: ["Noise", "噪声"],
  noPictures: ["The test images were not there when this page was made.", "生成本页时没有找到测试图片。"],
  layers: ["Layer by layer", "逐层查看"],
  layersHint: [
    "Every small picture is a map: what one filter found, and where. Choose a map, or the name of a layer, to see the numbers that make it.",
    "每个小图是一张特征图：一个滤波器找到了什么、在哪里。选择一张图或一个层名，就能看到构成它的数字。",
  ],
  more: ["positive", "正"],
  less: ["negative", "负"],
  perLayer: ["the strongest value of each layer is the full colour", "每层最强的值为最深的颜色"],
  all: [(n) => `all ${n} maps`, (n) => `全部 ${n} 张图`],
  fewer: ["fewer maps", "收起"],
  maps: [(n) => `${n} maps`, (n) => `${n} 张图`],
  numbers: [(n) => `${n} numbers`, (n) => `${n} 个数`],
  input: ["The input", "输入"],
  magnifier: ["The numbers of one value", "一个值的计算"],
  map: ["map", "图"],
  number: ["number", "序号"],
  row: ["row", "行"],
  column: ["column", "列"],
  of: [(n) => `of ${n}`, (n) => `共 ${n}`],
  strongest: ["Strongest value", "最强的值"],
  reads: ["It reads", "读入"],
  makes: ["It makes", "得到"],
  window: ["values", "值"],
  weights: ["weights", "权重"],
  products: ["products", "乘积"],
  fromMap: [(n) => `input map ${n}`, (n) => `输入图 ${n}`],
  fromNumber: [(n) => `input number ${n}`, (n) => `输入数 ${n}`],
  sumOf: [(n) => `sum of these ${n} products`, (n) => `这 ${n} 个乘积之和`],
  others: [(n) => `the other ${n}`, (n) => `其余 ${n} 项`],
  bias: ["bias", "偏置"],
  value: ["value", "值"],
  sum: ["sum", "和"],
  share: ["share", "贡献"],
  sentenceConv: [
    (c) => `Each of the ${c.maps} input maps has a ${c.window} window and ${c.count} weights: ${c.total} products and the bias add up to this value.`,
    (c) => `${c.maps} 张输入图各有一个 ${c.window} 窗口和 ${c.count} 个权重：${c.total} 个乘积加上偏置就是这个值。`,
  ],
  sentenceOne: [
    (c) => `The ${c.window} window of the one input map and ${c.count} weights: ${c.total} products and the bias add up to this value.`,
    (c) => `唯一一张输入图的 ${c.window} 窗口和 ${c.count} 个权重：${c.total} 个乘积加上偏置就是这个值。`,
  ],
  sentencePoint: [
    (c) => `A 1×1 convolution looks at one pixel: the dot product of its ${c.maps} channels with ${c.maps} weights, plus the bias.`,
    (c) => `1×1 卷积只看一个像素：它的 ${c.maps} 个通道与 ${c.maps} 个权重的点积，再加偏置。`,
  ],
  sentenceLinear: [
    (c) => `The dot product of all ${c.maps} numbers with as many weights, plus the bias.`,
    (c) => `全部 ${c.maps} 个数与同样多的权重的点积，再加偏置。`,
  ],
  sentenceMax: ["The largest value of the window wins; the others are forgotten.", "窗口中最大的值胜出，其余的被舍弃。"],
  sentenceAverage: [(c) => `The mean of the window: ${c.sum} / ${c.divisor}.`, (c) => `窗口的平均值：${c.sum} / ${c.divisor}。`],
  sentenceGlobal: [
    (c) => `The mean of the whole map: ${c.sum} / ${c.divisor}.${c.name ? ` That is the score of ${c.name}.` : ""}`,
    (c) => `整张图的平均值：${c.sum} / ${c.divisor}。${c.name ? `这就是 ${c.name} 的得分。` : ""}`,
  ],
  sentenceNorm: [
    "What was learnt in training: take the mean of this map away, divide by its deviation, then scale and shift.",
    "使用训练中学到的数：减去该图的平均值，除以标准差，再缩放和平移。",
  ],
  sentenceRelu: ["What is negative becomes 0; the rest stays as it is.", "负数变为 0，其余不变。"],
  sentenceFunction: [(f) => `${f} of one number.`, (f) => `对一个数做 ${f}。`],
  sentenceSame: ["Passes through: a dropout only drops values while the network is trained.", "原样通过：dropout 只在训练时丢弃数值。"],
  sentenceFlatten: [
    (c) => `The same number in one long line: it is row ${c.row}, column ${c.column} of map ${c.map}.`,
    (c) => `同样的数排成一行：它是图 ${c.map} 的第 ${c.row} 行第 ${c.column} 列。`,
  ],
  sentenceSoftmax: [
    "e to the power of every score (less the largest, which changes nothing), divided by their sum: the probabilities.",
    "对每个得分取 e 的幂（先减去最大得分，结果不变），再除以总和：得到概率。",
  ],
  outside: ["outside the picture: 0", "图片之外：0"],
  code: ["The code that computes this", "计算所用的代码"],
  codeHint: ["This is the whole forward pass of this page, as it runs.", "这就是本页运行的全部前向计算。"],
  time: [(ms) => `All layers in ${ms} ms.`, (ms) => `全部层用时 ${ms} 毫秒。`],
  conv: [(k) => `${k} convolution`, (k) => `${k} 卷积`],
  linear: ["fully connected", "全连接"],
  maxPool: [(k) => `${k} max pooling`, (k) => `${k} 最大池化`],
  averagePool: [(k) => `${k} average pooling`, (k) => `${k} 平均池化`],
  globalAverage: ["global average pooling", "全局平均池化"],
  batchNorm: ["batch normalisation", "批归一化"],
  flatten: ["flatten", "展平"],
  same: [(type) => type, (type) => type],
  softmax: ["softmax", "softmax"],
};

let language = navigator.language.startsWith("zh") ? 1 : 0;

/** The words for a key in the language of the page. */
function say(key, ...values) {
  const found = WORDS[key][language];
  return typeof found === "function" ? found(...values) : found;
}

/** A number for the eye: three or four figures, and the true minus sign. */
function figure(v) {
  if (!Number.isFinite(v)) return String(v);
  const size = Math.abs(v);
  const text = size === 0 ? "0" : size >= 1e5 || size < 1e-3 ? v.toExponential(1) : v.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3);
  return text.replaceAll("-", "−");
}

const counted = (n) => n.toLocaleString(language ? "zh-CN" : "en-GB");
const percent = (p) => (100 * p).toFixed(p > 0.9995 || p < 0.0995 ? 2 : 1);

/** What a layer is called in the network, and what it does, with the size of its window. */
function layerTitle(layer) {
  return layer.kind === "softmax" ? say("softmax") : `${layer.name} · ${layerName(layer)}`;
}

function layerName(layer) {
  const size = layer.adaptive ? `→ ${layer.out[0]}×${layer.out[1]}` : layer.kernel ? layer.kernel.join("×") : "";
  if (layer.kind === "activation") return layer.type;
  return layer.kind === "same" ? say("same", layer.type) : say(layer.kind, size);
}
