"""The model server's process: ``python -m embedded.servers.model_server``. SIGTERM ends it."""

import argparse
import signal
from pathlib import Path

import xllamacpp  # type: ignore[import-untyped]  # an extension module without type information

PARALLEL_REQUESTS = 2
CONTEXT_TOKENS_PER_REQUEST = 2048


def parameters(arguments: argparse.Namespace) -> "xllamacpp.CommonParams":
    """Return the server's parameters: private, quiet, without side channels between requests."""
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(arguments.weights)
    wanted.model_alias = {arguments.alias}
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = arguments.port
    wanted.api_keys = [arguments.api_key_file.read_text("ascii").strip()]
    wanted.cpuparams.n_threads = arguments.threads
    wanted.cpuparams_batch.n_threads = arguments.threads
    wanted.n_gpu_layers = 0
    wanted.fit_params = False
    wanted.n_parallel = PARALLEL_REQUESTS
    wanted.n_ctx = PARALLEL_REQUESTS * CONTEXT_TOKENS_PER_REQUEST  # the server divides it among its slots
    wanted.cache_prompt = (
        False  # a shared prefix would answer faster, and so reveal to one caller the prompt of another
    )
    wanted.cache_idle_slots = False
    wanted.cache_ram_mib = 0
    wanted.endpoint_slots = False
    wanted.cors_origins = ""
    wanted.ui = False
    wanted.verbosity = 1
    return wanted


def main() -> None:
    """Serve until a signal ends the process; the server runs in separate threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--api-key-file", type=Path, required=True)
    server = xllamacpp.Server(parameters(parser.parse_args()))
    while server.listening_address:
        signal.pause()


if __name__ == "__main__":
    main()
