"""What to write instead of a name of PyTorch or torchvision that ninx has not. How the texts reach an error: `hints`.

`HINTS` is written by place, then by names that share a hint. A test looks whether what the hints name is there.
"""

from __future__ import annotations

_CONVOLUTIONS = "ninx is about convolutions: write the layer as a nn.Module of nn.Linear and Tensor methods"
_LAZY = "sizes are given, not guessed: ninx.summary(net, shape) shows what arrives at each layer"
_NUMPY = "compute it with NumPy, np.linalg of x.numpy(); no gradient flows through"
_ONE = "one process computes, with all cores: ninx.set_num_threads(n)"
_AS_WRITTEN = "leave it out: nn.Sequential fuses neighbours by itself; for inference alone ninx.freeze(model, (C, H, W))"
_SAVED = "ninx.save_weights writes safetensors, which other tools read"
_REAL = "tensors hold real numbers only; keep two tensors, or compute with NumPy"
_FLOAT32 = "compute in ninx.float32; ninx.load_weights reads such files as float32"
_LOSS = "write the formula with Tensor methods, or take nn.SmoothL1Loss, nn.BCEWithLogitsLoss or nn.CrossEntropyLoss"
_AXIS = "use the layer for images with one axis of size 1: nn.Conv2d(i, o, (1, k)) on x.unsqueeze(2), and so on"
_VOLUMES = "there are images (N, C, H, W) only, no volumes"
_NORM = "nn.BatchNorm2d and nn.LocalResponseNorm are there; others are two lines with x.mean(dim) and x.var(dim)"
_PAD = "padding= of the layer, or F.pad(x, (left, right, top, bottom)) in forward"
_UPSAMPLE = "nn.ConvTranspose2d(channels, channels, 2, stride=2), or x.repeat_interleave(2, dim)"
_SMOOTH = "nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SiLU and nn.Softplus are there; others are one line with Tensor methods in forward"
_POOL = "nn.MaxPool2d, nn.AvgPool2d and nn.AdaptiveAvgPool2d are there"
_AUGMENT = "transforms.RandomCrop, RandomHorizontalFlip and RandomAffine are there, and Compose joins them"
_OWN = "write it as a function of the image, and put it into transforms.Compose"
_FILES = "unpack it into one folder for each class and use datasets.ImageFolder, or write a ninx.utils.data.Dataset"
_OPTIMISER = "optim.SGD, optim.Adam and optim.AdamW are there; another one is a subclass of optim.Optimizer with an update method"

HINTS: dict[str, dict[str, str]] = {
    "ninx": {
        "FloatTensor": "ninx.tensor(data, dtype=ninx.float32), or ninx.empty(sizes)",
        "DoubleTensor": "ninx.tensor(data, dtype=ninx.float64)",
        "HalfTensor": "ninx.tensor(data, dtype=ninx.float16)",
        "LongTensor": "ninx.tensor(data, dtype=ninx.int64)",
        "IntTensor ShortTensor CharTensor": "ninx.tensor(data, dtype=ninx.int32), or int16, int8",
        "ByteTensor": "ninx.tensor(data, dtype=ninx.uint8)",
        "BoolTensor": "ninx.tensor(data, dtype=ninx.bool)",
        "compile jit fx": _AS_WRITTEN,
        "export": "ninx.onnx.export(net, (C, H, W), path)",
        "distributed multiprocessing": _ONE,
        "hub": "ninx.models.create(name) makes a network, ninx.load_weights(path) reads its weights",
        "amp autocast": "compute in ninx.float32, which is exact and quick on a CPU",
        "bfloat16 float8_e4m3fn": _FLOAT32,
        "complex64 complex128 cfloat cdouble complex view_as_real": _REAL,
        "linalg svd qr inverse det slogdet cholesky eig lstsq pinverse matrix_power": _NUMPY,
        "fft stft istft": "compute it with NumPy, np.fft of x.numpy(); no gradient flows through",
        "distributions": "ninx.rand, ninx.randn and ninx.randint draw, ninx.manual_seed sets the generator",
        "profiler": "`ninx bench step` times a training step; Python's cProfile shows where the time goes",
        "vmap func": "operations broadcast over leading axes; ninx.grad(y, x, create_graph=True) gives derivatives of any order",
        "sparse sparse_coo_tensor sparse_csr_tensor": "tensors are dense: ninx.zeros, then x[index] = values",
        "quantization ao quantize_per_tensor qint8 quint8": "there are no quantised networks; compute in ninx.float32",
        "Size": "a shape is a tuple: x.shape, x.size(0), x.numel()",
        "use_deterministic_algorithms": "leave it out: the same seed and the same number of threads give the same numbers",
        "set_printoptions": "np.set_printoptions, then print(x.numpy())",
        "set_default_device set_default_tensor_type get_default_device": "say device= or dtype= where a tensor is made",
        "cdist": "((a.unsqueeze(1) - b.unsqueeze(0)) ** 2).sum(-1).sqrt()",
        "conv2d max_pool2d conv_transpose2d dropout batch_norm": "ninx.functional has the function of this name",
        "conv1d conv3d max_pool1d": "ninx.functional.conv2d, with axes of size 1",
        "erf lgamma digamma": "np.vectorize(math.erf)(x.numpy()), without gradient",
        "promote_types result_type can_cast": "np.promote_types; dtypes are NumPy's",
        "histc searchsorted": "np.histogram or np.searchsorted of x.numpy()",
        "finfo iinfo": "np.finfo(x.dtype) or np.iinfo(x.dtype)",
        "multinomial": "ninx.utils.data.WeightedRandomSampler, or np.random.default_rng(0).choice",
        "quantile nanmedian": "np.quantile(x.numpy(), q), without gradient",
        "aminmax": "ninx.amin(x), ninx.amax(x)",
        "cumprod": "x.log().cumsum(dim).exp() for numbers above 0",
        "trace": "ninx.diag(x).sum()",
        "nansum nanmean": "ninx.where(ninx.isnan(x), 0.0, x).sum()",
        "numel": "x.numel()",
        "ger": "ninx.outer(a, b)",
        "baddbmm": "c + ninx.bmm(a, b)",
        "cosine_similarity": "(a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))",
        "set_float32_matmul_precision": "leave it out: float32 is computed in float32",
        "initial_seed seed": "ninx.manual_seed(seed) with a number that you note down",
        "Storage UntypedStorage strided sparse_coo": "x.array is the plain NumPy or CuPy array, x.array.strides how it lies",
    },
    "ninx.nn": {
        "LSTM GRU RNN LSTMCell GRUCell RNNCell": _CONVOLUTIONS,
        "Transformer TransformerEncoder TransformerEncoderLayer TransformerDecoder MultiheadAttention": _CONVOLUTIONS,
        "Embedding EmbeddingBag": "nn.Linear(n, d, bias=False) of F.one_hot(index, n).float(), or nn.Parameter(table)[index]",
        "LayerNorm GroupNorm InstanceNorm1d InstanceNorm2d RMSNorm": _NORM,
        "Conv1d ConvTranspose1d MaxPool1d AvgPool1d AdaptiveAvgPool1d AdaptiveMaxPool1d": _AXIS,
        "Conv3d ConvTranspose3d MaxPool3d AvgPool3d AdaptiveAvgPool3d BatchNorm3d Dropout3d": _VOLUMES,
        "Upsample UpsamplingNearest2d UpsamplingBilinear2d PixelShuffle": _UPSAMPLE,
        "DataParallel parallel SyncBatchNorm": "leave it out: " + _ONE,
        "LazyConv1d LazyConv2d LazyConv3d LazyLinear LazyBatchNorm1d LazyBatchNorm2d LazyConvTranspose2d": _LAZY,
        "ZeroPad2d ReflectionPad2d ReplicationPad2d ConstantPad2d CircularPad2d": _PAD,
        "MaxUnpool2d FractionalMaxPool2d LPPool2d": _POOL,
        "GELU SELU CELU Mish Softsign Hardswish Hardsigmoid RReLU LogSigmoid GLU": _SMOOTH,
        "KLDivLoss HuberLoss TripletMarginLoss CTCLoss CosineEmbeddingLoss": _LOSS,
        "HingeEmbeddingLoss MarginRankingLoss MultiMarginLoss MultiLabelMarginLoss PoissonNLLLoss GaussianNLLLoss": _LOSS,
        "Softmax2d": "nn.Softmax(dim=1)",
        "Softmin": "nn.Softmax(dim) of -x",
        "AlphaDropout FeatureAlphaDropout Dropout1d": "nn.Dropout, or nn.Dropout2d for whole channels",
        "Bilinear CosineSimilarity PairwiseDistance": "write the formula with Tensor methods in forward",
        "ChannelShuffle": "x.reshape(n, groups, c, h, w).transpose(1, 2).flatten(1, 2)",
        "UninitializedParameter UninitializedBuffer": _LAZY,
        "Threshold": "x.clamp_min(value) in forward",
        "modules": "the layers stand in ninx.nn itself",
        "quantized qat intrinsic attention": "there are no such networks in ninx; nn.Conv2d and nn.Linear are",
    },
    "ninx.functional": {
        "conv1d max_pool1d avg_pool1d adaptive_avg_pool1d": _AXIS,
        "conv3d max_pool3d avg_pool3d adaptive_avg_pool3d": _VOLUMES,
        "embedding embedding_bag": "weight[index], or F.one_hot(index, n).float() @ weight",
        "interpolate upsample upsample_nearest upsample_bilinear pixel_shuffle grid_sample affine_grid": _UPSAMPLE,
        "layer_norm group_norm instance_norm rms_norm": _NORM,
        "normalize": "x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)",
        "cosine_similarity pairwise_distance": "write the formula with Tensor methods",
        "kl_div huber_loss triplet_margin_loss ctc_loss": _LOSS,
        "gelu selu celu mish softsign hardswish hardsigmoid logsigmoid glu": _SMOOTH,
        "multi_head_attention_forward scaled_dot_product_attention": _CONVOLUTIONS,
        "max_unpool2d fractional_max_pool2d lp_pool2d": _POOL,
        "threshold": "x.clamp_min(value), or ninx.where(x > t, x, value)",
        "relu_ leaky_relu_": "F.relu(x, inplace=True)",
        "gumbel_softmax": "F.softmax(logits - (-ninx.rand(*logits.shape).log()).log(), dim=-1)",
        "softmin": "F.softmax(-x, dim)",
        "alpha_dropout feature_alpha_dropout dropout1d": "F.dropout, or F.dropout2d for whole channels",
    },
    "ninx.optim": {
        "LBFGS Rprop ASGD RAdam SparseAdam Adafactor Muon": _OPTIMISER,
        "swa_utils": "keep a running mean of net.state_dict() yourself, and load it with net.load_state_dict",
    },
    "ninx.nn.utils": {
        "weight_norm spectral_norm": "normalise net.weight in forward, or under no_grad after each step",
        "clip_grad_norm": "nn.utils.clip_grad_norm_",
        "rnn prune parametrizations": _CONVOLUTIONS,
    },
    "ninx.autograd": {
        "functional": "ninx.grad(y, x, create_graph=True), row by row",
        "set_detect_anomaly": "with ninx.detect_anomaly(): ...",
        "profiler": "`ninx bench step` times a training step; Python's cProfile shows where the time goes",
    },
    "ninx.cuda": {
        "amp": "compute in ninx.float32",
        "Event": "ninx.cuda.synchronize(), then Python's time.perf_counter()",
        "Stream stream nccl comm": "leave it out: one stream computes",
    },
    "ninx.nn.init": {
        "_calculate_fan_in_and_fan_out": "nn.init.fans(t) is (fan_in, fan_out)",
        "trunc_normal_": "init.normal_(t, mean, std), then t.data.clamp_(a, b)",
        "orthogonal_ sparse_ eye_": "compute the matrix with NumPy, then t.data.copy_(ninx.from_numpy(matrix))",
        "xavier_normal": "init.xavier_normal_",
        "xavier_uniform": "init.xavier_uniform_",
        "kaiming_normal": "init.kaiming_normal_",
        "kaiming_uniform": "init.kaiming_uniform_",
        "normal": "init.normal_",
        "uniform": "init.uniform_",
        "constant": "init.constant_",
    },
    "Tensor": {
        "storage untyped_storage data_ptr storage_offset": "x.array is the plain NumPy or CuPy array",
        "to_sparse is_sparse to_dense coalesce": "tensors are dense",
        "bfloat16": _FLOAT32,
        "real imag conj": _REAL,
        "svd qr inverse det cholesky pinverse eig logdet slogdet": _NUMPY,
        "resize_ set_ unfold as_strided": "x.reshape(shape) has the same entries in another shape",
        "map_ apply_": "write the formula with Tensor methods; they take all entries at once",
        "pin_memory share_memory_ record_stream": "leave it out: " + _ONE,
        "register_post_accumulate_grad_hook": "x.register_hook(hook) sees the gradient before it is added",
        "histc": "np.histogram of x.numpy()",
        "erf lgamma digamma": "np.vectorize(math.erf)(x.numpy()), without gradient",
        "unsqueeze_ squeeze_ t_ transpose_": "a tensor keeps its shape: x = x.unsqueeze(dim), and so on",
        "scatter_add_ index_add_ index_copy_ index_put_": "x = x.scatter_add(dim, index, src), or x[index] = values",
        "index_fill_ masked_scatter_ fill_diagonal_": "x[index] = value, or x.masked_fill_(mask, value)",
        "renorm renorm_": "x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)",
        "stride": "x.array.strides, in bytes",
        "mode kthvalue": "x.sort(dim), then the entry that is wanted",
        "diagonal": "ninx.diag(x)",
        "fmod": "x % y, which has the sign of y",
        "frac": "x - x.trunc()",
        "dist": "(x - y).norm()",
        "ndimension": "x.dim()",
        "itemsize nbytes": "x.element_size(), x.element_size() * x.numel()",
        "new": "x.new_zeros(shape), x.new_tensor(data)",
        "output_nr": "x.grad_fn is the operation that made x",
    },
    "Module": {
        "compile": _AS_WRITTEN,
        "share_memory": _ONE,
        "to_empty": "nn.shapes_only() makes modules without memory for their weights",
        "bfloat16": _FLOAT32,
        "register_backward_hook": "register_full_backward_hook",
        "register_load_state_dict_post_hook register_state_dict_pre_hook": "change the dictionary before load_state_dict",
    },
    "ninx.transforms": {
        "ColorJitter RandomErasing GaussianBlur RandomInvert RandomPosterize RandomSolarize RandomEqualize": _OWN,
        "RandomAdjustSharpness RandomAutocontrast RandomApply RandomChoice RandomOrder RandomGrayscale": _OWN,
        "AutoAugment RandAugment TrivialAugmentWide AugMix AutoAugmentPolicy": _AUGMENT,
        "RandomResizedCrop": "Compose([Resize(...), RandomCrop(...)]) cuts windows out",
        "FiveCrop TenCrop": "transforms.functional.crop, center_crop and hflip cut windows out",
        "RandomPerspective ElasticTransform": "transforms.RandomAffine turns, moves, scales and shears",
        "LinearTransformation": "ninx.data.ZCA whitens",
        "v2": "the transforms stand in ninx.transforms itself",
    },
    "ninx.datasets": {
        "EMNIST KMNIST QMNIST ImageNet STL10 CelebA CocoDetection CocoCaptions VOCDetection VOCSegmentation USPS": _FILES,
        "Caltech101 Caltech256 Cityscapes Flowers102 Food101 OxfordIIITPet Places365 StanfordCars LSUN Omniglot": _FILES,
        "SEMEION GTSRB EuroSAT DTD INaturalist LFWPeople": _FILES,
        "DatasetFolder": "datasets.ImageFolder reads images; for other files write a ninx.utils.data.Dataset",
        "FakeData": "ninx.utils.data.TensorDataset(ninx.rand(...), ninx.randint(...)) is one",
    },
    "ninx.utils": {
        "tensorboard": "`ninx train` writes metrics.jsonl and curves.png; a program of yours prints, or draws with matplotlib",
        "checkpoint": "nothing is computed twice to save memory; for less memory take smaller batches",
        "model_zoo": "ninx.models.create(name) makes a network, ninx.load_weights(path) reads its weights",
        "bottleneck benchmark": "`ninx bench` measures; Python's cProfile and timeit do in a program",
        "cpp_extension": "ninx.record makes an operation of your own out of Python functions",
        "mobile_optimizer": _SAVED,
        "collect_env": "`ninx doctor` tells what is installed",
    },
    "ninx.utils.data": {
        "DistributedSampler distributed": _ONE,
        "ChainDataset": "an IterableDataset whose __iter__ returns itertools.chain(a, b) goes through several",
        "StackDataset": "a Dataset of yours that returns (a[i], b[i]) does it, or TensorDataset for tensors",
        "get_worker_info": "workers are threads of one process, and a data set is read by index; nothing has to be shared out",
        "default_convert": "ninx.from_numpy makes a tensor of an array",
        "datapipes functional_datapipe IterDataPipe": "write an IterableDataset",
        "MapDataPipe": "write a Dataset",
    },
}
