# says: no_loop
def source():
    return """
    extern "C" __global__ void average_pool(const double* x, double* y, int H, int W, int C, int k, int s, int OH, int OW) {
        int n = blockIdx.x * blockDim.x + threadIdx.x;
        if (n >= OH * OW * C) return;
        int c = n % C, j = (n / C) % OW, i = n / (C * OW);
        y[n] = 0;
        for (int h = i * s; h < i * s + k; h++)
            for (int w = j * s; w < j * s + k; w++) y[n] += x[(h * W + w) * C + c] / (k * k);
    }
    """
