"""Results as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]


def document(found: Found) -> str:
    """Return the generated part of the documentation."""
    parts = [_where(found), _held_out(found), _unseen(found), _ranking(found), _decisions(found), _sources(found)]
    parts += [_lengths(found), _disguises(found), _latency(found)]
    return "\n\n".join(part for part in parts if part)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; numbers to the right."""
    lines = [headings, ["---", *["--:"] * (len(headings) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(value: float | None) -> str:
    """Format a share for people."""
    return "" if value is None else f"{100 * value:.1f} %"


def _share(found: Found | None) -> str:
    return "" if found is None else f"{percent(found['share'])} ({100 * found['low']:.1f}-{100 * found['high']:.1f})"


def _where(found: Found) -> str:
    data, machine = found["data"], found["machine"]
    model = f"the model {found['model']}" if found.get("model") else "no model"
    return (
        f"Measured {machine['at']} on {machine['processor']} with policy `{found['policy'][:16]}` and {model}: "
        f"{data['rows']:,} texts, {data['attacks']:,} of them attacks, from {data['sources']} sources. Of a share the "
        "95 % interval (Wilson) stands in brackets."
    )


def _ranking(found: Found) -> str:
    rates = list(found["ranking"]["tpr_at_fpr"])
    headings = ["detector", "area", *(f"found at {percent(float(rate))}" for rate in rates)]
    headings += ["by its own threshold: found", "false alarms", "ms (p50), 200 / 1,000 characters"]
    rows = [["**Assay**", *_ranks(found["ranking"], rates), *_own(found), _both(found["latency_ms"], "all")]]
    for name, peer in found.get("peers", {}).items():
        label = f"{name} {peer['version']}"
        if "not_measured" in peer:
            rows.append([label, peer["not_measured"], *[""] * (len(headings) - 2)])
        else:
            own = [percent(peer["own_tpr"]), percent(peer["own_fpr"])]
            times = " / ".join(str(peer["ms"][length].get("p50_ms", "")) for length in ("200", "1000"))
            rows.append([label, *_ranks(peer, rates), *own, times])
    note = (
        "\n\nThe curve of what is found at each rate of false alarms:\n\n![curve](images/screening-roc.svg)\n\n"
        "Sources that the model was trained on are among these texts, so of Assay this table is too good: look at the "
        "sources that were kept aside, above. Peers may have seen some, too."
    )
    return "### Ranking, on texts of which many were trained on\n\n" + table(headings, rows) + note


def _ranks(found: Found, rates: Sequence[str]) -> list[str]:
    return [f"{found['auc']:.3f}", *(percent(found["tpr_at_fpr"][rate]) for rate in rates)]


def _own(found: Found) -> list[str]:
    decided = found["decisions"]
    return [percent(decided[kind]["flagged"]["share"]) for kind in ("attacks", "benign")]


def _both(latency: Found, stage: str) -> str:
    return " / ".join(str(latency[length][stage].get("p50_ms", "")) for length in ("200", "1000"))


_DECIDED = ["texts", "harmless: blocked", "harmless: blocked or reviewed", "attacks: blocked", "blocked or reviewed"]


def _decided(decided: Found) -> list[str]:
    benign, attacks = decided.get("benign"), decided.get("attacks")
    rows = sum(part["rows"] for part in (benign, attacks) if part)
    shares = [_share(part[name]) if part else "" for part in (benign, attacks) for name in ("blocked", "flagged")]
    return [f"{rows:,}", *shares]


def _decisions(found: Found) -> str:
    rows = [["all", *_decided(found["decisions"])]]
    if hard := found.get("hard_negatives"):
        seen = ", trained on" if any(one["trained_on"] for one in found["by_source"].values()) else ""
        rows.append([f"harmless, full of trigger words{seen}", *_decided(hard)])
    precision = percent(found["decisions"]["precision"])
    text = f"\n\nOf what is blocked or reviewed here, {precision} are attacks. In your traffic attacks are rarer."
    return "### Decisions at the shipped thresholds\n\n" + table(["", *_DECIDED], rows) + text


def _sources(found: Found) -> str:
    rows = [
        [f"`{name}`", "yes" if one["trained_on"] else "no", *_decided(one)] for name, one in found["by_source"].items()
    ]
    return "### By source\n\n" + table(["source", "trained on", *_DECIDED], rows)


def _held_out(found: Found) -> str:
    figures = found.get("held_out")
    title = (
        "### On sources kept aside\n\nAttacks found at a rate of false alarms. Each source is judged by a model that "
        "was trained without it and others of its fold; some rules were written with such texts in view.\n\n"
    )
    if not figures:
        return title + "[The model's card](../models/ngrams.md) has them; they were not put in here."
    names = list(dict.fromkeys(name for one in figures.values() if isinstance(one, Mapping) for name in one))
    if not names:
        return title + table(["figure", "value"], [[name, _cell(value)] for name, value in figures.items()])
    rows = [[f"`{name}`", *(_cell(one.get(column)) for column in names)] for name, one in figures.items()]
    return title + table(["kept aside", *(name.replace("_", " ") for name in names)], rows)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _unseen(found: Found) -> str:
    """Return the tables on texts that were never trained on."""
    unseen = found.get("unseen")
    if not unseen:
        return ""
    data, rates = unseen["data"], unseen["ranking"]["tpr_at_fpr"]
    head = (
        f"{data['rows']:,} texts, {data['attacks']:,} of them attacks, of which none was trained on: prompts, "
        "definitions of tools, and documents of agents' frameworks and evaluations, by package. Found at "
        f"{', '.join(f'{percent(float(rate))}: {percent(share)}' for rate, share in rates.items())}.\n\n"
    )
    rows = [["all", *_decided(unseen["decisions"])]]
    rows += [[f"`{name}`", *_decided(one)] for name, one in unseen["by_source"].items()]
    return "### On other texts, never trained on\n\n" + head + table(["source", *_DECIDED], rows)


def _lengths(found: Found) -> str:
    rows = [[name, *_decided(one)] for name, one in found["by_length"].items()]
    return "### By length\n\n" + table(["code points", *_DECIDED], rows)


def _disguises(found: Found) -> str:
    disguises = found["by_disguise"]
    names = [name for name in disguises if name not in ("rows", "plain")]
    rows = [["none", percent(disguises["plain"]["attacks"]), "", percent(disguises["plain"]["benign"])]]
    for name in names:
        one = disguises[name]
        ratio = "" if one["found_to_plain"] is None else f"{one['found_to_plain']:.2f}"
        rows.append([name.replace("_", " "), percent(one["attacks"]), ratio, percent(one["benign"])])
    count = disguises["rows"]
    head = f"The same {count['attacks']} attacks and {count['benign']} harmless texts, plain and wholly disguised.\n\n"
    headings = ["disguise", "attacks blocked or reviewed", "of those found plain", "harmless blocked or reviewed"]
    return "### By disguise\n\n" + head + table(headings, rows)


def _latency(found: Found) -> str:
    stages = list(next(iter(found["latency_ms"].values())))
    rows = [
        [f"{int(length):,}", *(_times(one[stage]) for stage in stages)] for length, one in found["latency_ms"].items()
    ]
    rows += [
        [f"1,000, {name.replace('_', ' ')}", *(_times(one[stage]) for stage in stages)]
        for name, one in found.get("latency_disguised_ms", {}).items()
    ]
    headings = ["code points", *(f"{stage}, p50 / p99" for stage in stages)]
    note = "Processor time. Disguised text costs what its decoding and its decoded words take.\n\n"
    return "### Time, in milliseconds on one core\n\n" + note + table(headings, rows)


def _times(one: Found) -> str:
    return f"{one['p50_ms']:.2f} / {one['p99_ms']:.2f}" if one else ""
