"""Our inference beside onnxruntime, one thread each, taking turns in one run.

    pip install onnxruntime numpy
    WHORL_MODELS=FOLDER python benches/inference.py PATH-OF-THE-FACE-BENCHMARK

where `cargo bench -p matcher --bench face --no-run` names the benchmark's path. Prints, for each model and for a login frame with the
embedder run once and run twice (our embedder also looks at the mirrored face), the least time of onnxruntime and the ratio of each of our
engines to it: the median over the turns, and in brackets that of the least times. Whatever else the machine does only ever adds.
"""

import os
import statistics
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
RUNS = 4
ENGINES = ["avx2", "avx512", "tract"]


def main():
    folder = os.environ["WHORL_MODELS"]
    ours = subprocess.Popen([sys.argv[1], "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    peers = {}
    for model, side in MODELS.items():
        file = os.path.join(folder, model + ".onnx")
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        values = numpy.resize(numpy.arange(251, dtype=numpy.float32), (1, 3, side, side))
        peers[model] = (session, {session.get_inputs()[0].name: values})

    def peer(model):
        session, values = peers[model]
        start = time.perf_counter()
        session.run(None, values)
        return time.perf_counter() - start

    def own(model, engine):
        ours.stdin.write(f"{model} {engine} {RUNS}\n")
        ours.stdin.flush()
        return [float(word) for word in ours.stdout.readline().split()]

    # In each turn every engine runs every model a few times; the least of a turn is its time.
    turns = []
    for _ in range(TURNS):
        turn = {}
        for model in MODELS:
            turn[model, "onnxruntime"] = min(peer(model) for _ in range(RUNS))
            for engine in ENGINES:
                if times := own(model, engine):
                    turn[model, engine] = min(times)
        turns.append(turn)
    ours.stdin.close()
    ours.wait()
    shown = [engine for engine in ENGINES if (next(iter(MODELS)), engine) in turns[0]]
    rows = {model: {model: 1} for model in MODELS}
    rows["frame"] = dict.fromkeys(MODELS, 1)
    rows["frame, embedder twice"] = rows["frame"] | {"mobilefacenet_foamliu_dyn": 2}
    print("| model | onnxruntime ms | " + " | ".join(shown) + " |")
    print("|-|-|" + "-|" * len(shown))
    for name, weights in rows.items():

        def total(least, engine):
            return sum(weight * least[model, engine] for model, weight in weights.items())

        least = {key: min(turn[key] for turn in turns) for key in turns[0]}
        cells = []
        for engine in shown:
            of_turns = statistics.median(total(turn, engine) / total(turn, "onnxruntime") for turn in turns)
            cells.append(f"{of_turns:.2f} x ({total(least, engine) / total(least, 'onnxruntime'):.2f} x)")
        print(f"| {name} | {total(least, 'onnxruntime') * 1e3:.2f} | " + " | ".join(cells) + " |")


main()
