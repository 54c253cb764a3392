"""Our inference beside onnxruntime, one thread each, taking turns in one run.

    pip install onnxruntime numpy
    WHORL_MODELS=FOLDER python benches/inference.py PATH-OF-THE-FACE-BENCHMARK

where `cargo bench -p matcher --bench face --no-run` names the benchmark's path. Prints, for each model and for a login frame with the
embedder run once and run twice (our embedder also looks at the mirrored face), the least time of onnxruntime and the ratio of each of our
engines to it. The least, because whatever else the machine does only ever adds.
"""

import os
import subprocess
import sys
import time

import numpy
import onnxruntime

MODELS = {
    "yunet_n_320": 320,
    "mobilefacenet_foamliu_dyn": 112,
    "minifasnet_v2_27_noprelu": 80,
    "minifasnet_v1se_40_noprelu": 80,
    "faceapi_landmark68_dyn": 112,
}
TURNS = int(os.environ.get("TURNS", "40"))
RUNS = 5


def main():
    folder = os.environ["WHORL_MODELS"]
    ours = subprocess.Popen([sys.argv[1], "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    engines = ["baseline", "avx2", "avx512", "tract"]
    least = {}
    for model, side in MODELS.items():
        session = onnxruntime.InferenceSession(
            os.path.join(folder, model + ".onnx"), options, providers=["CPUExecutionProvider"]
        )
        name = session.get_inputs()[0].name
        values = numpy.resize(numpy.arange(251, dtype=numpy.float32), (1, 3, side, side))
        row = {engine: [] for engine in ["onnxruntime", *engines]}
        for _ in range(TURNS):
            for _ in range(RUNS):
                start = time.perf_counter()
                session.run(None, {name: values})
                row["onnxruntime"].append(time.perf_counter() - start)
            for engine in engines:
                ours.stdin.write(f"{model} {engine} {RUNS}\n")
                ours.stdin.flush()
                row[engine] += [float(word) for word in ours.stdout.readline().split()]
        least[model] = {engine: min(times) for engine, times in row.items() if times}
    ours.stdin.close()
    ours.wait()
    frames = {"frame": 1, "frame, embedder twice": 2}
    for frame, times in frames.items():
        weight = lambda model: times if model.startswith("mobilefacenet") else 1
        engines_here = next(iter(least.values())).keys()
        least[frame] = {e: sum(weight(m) * least[m][e] for m in MODELS) for e in engines_here}
    shown = [engine for engine in engines if engine in least["frame"]]
    print("| model | onnxruntime ms | " + " | ".join(shown) + " |")
    print("|-|-|" + "-|" * len(shown))
    for model, row in least.items():
        peer = row["onnxruntime"]
        cells = " | ".join(f"{row[engine] / peer:.2f} x" for engine in shown)
        print(f"| {model} | {peer * 1e3:.2f} | {cells} |")


main()
