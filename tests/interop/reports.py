"""Reports as those take them who read them: SARIF against its schema, JUnit by an XML parser, the page in a browser."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jsonschema
from playwright.sync_api import Page, sync_playwright
from report import Report

# The schema of SARIF 2.1.0 as OASIS publishes it, in a package that is served beside those this project is built from.
SARIF_SCHEMA = "https://static.crates.io/crates/serde-sarif/serde-sarif-0.8.0.crate"
SARIF_SHA256 = "a053c46f18a8043570d4e32fefc4c6377f82bf29ec310a33e93f273048e3b0be"
SARIF_MEMBER = "serde-sarif-0.8.0/src/schema.json"

MANY_FILES = 2_000
SOAK_FILES = [2_000, 20_000]
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
# On two busy cores; a page that takes this long is one that people close.
MOST_LOAD_SECONDS = 10.0
MOST_FILTER_SECONDS = 1.0


def compare(parcelle: Path, testdata: Path, scratch: Path, report: Report) -> None:
    # A name with spaces, accents and markup, as shares have them.
    odd = scratch / "dalles d'été <b>"
    odd.mkdir()
    for source in sorted((testdata / "cog").glob("*.tif"))[:6]:
        shutil.copy(source, odd / source.name)
    paths = [testdata / "cog", testdata / "vrt", odd]
    soak(parcelle, testdata, scratch, report)
    sarif(parcelle, paths, report)
    junit(parcelle, paths, report)
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        report.check("page: there is a browser", False, f"none of {BROWSERS}: make setup-interop")
        return
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=browser, args=arguments)
        for language in ["en", "fr"]:
            page_file = scratch / f"report-{language}.html"
            run(parcelle, paths, "html", page_file, "--lang", language)
            context = chromium.new_context(viewport={"width": 1280, "height": 900})
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            page = opened(context.new_page(), page_file, language, report)
            works(page, parcelle, paths, language, report)
            foreign = page.locator("[lang]:not(html)").count()
            report.check(f"page {language}: every sentence is in its language", foreign == 0, f"{foreign} are not")
            context.close()
        mosaic(chromium, parcelle, testdata, scratch, report)
        many(chromium, parcelle, testdata, scratch, report)
        chromium.close()


def mosaic(chromium, parcelle: Path, testdata: Path, scratch: Path, report: Report) -> None:
    page_file = scratch / "mosaic.html"
    run(parcelle, [testdata / "cog"], "html", page_file, "--mosaic")
    page = opened(chromium.new_page(), page_file, "mosaic", report)
    maps = page.locator("svg.map")
    report.check("page mosaic: the files lie on a map", maps.count() == 1 and "files" in maps.first.get_attribute("aria-label"))
    report.check("page mosaic: versions have answers", "as an ImageMosaic" in page.locator("table.matrix").inner_text())
    page.close()


def run(parcelle: Path, paths: list[Path], kind: str, output: Path | None, *options: str) -> bytes:
    command = [parcelle, "check", *paths, "--format", kind, "--fail-on", "never", *options]
    if output:
        command += ["--output", output]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def sarif(parcelle: Path, paths: list[Path], report: Report) -> None:
    log = json.loads(run(parcelle, paths, "sarif", None, "--ignore", "COG-GHO-*: made by another tool"))
    try:
        package = urllib.request.urlopen(SARIF_SCHEMA, timeout=30).read()
    except OSError as error:
        report.note(f"SARIF is not held against its schema, which cannot be had: {error}")
    else:
        if report.check("sarif: the schema is the one known", hashlib.sha256(package).hexdigest() == SARIF_SHA256):
            with tarfile.open(fileobj=io.BytesIO(package)) as archive:
                schema = json.load(archive.extractfile(SARIF_MEMBER))
            errors = [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(log)]
            report.check("sarif: the log satisfies the schema of 2.1.0", not errors, errors[:3])
    whole = json.loads(run(parcelle, paths, "json", None))
    found = sum(len(file["findings"]) for file in whole["files"])
    results = log["runs"][0]["results"]
    report.check("sarif: every finding is a result", len(results) == found, f"{len(results)} of {found}")
    suppressed = {result["ruleId"] for result in results if "suppressions" in result}
    report.check("sarif: what is ignored is suppressed", suppressed and all(rule.startswith("COG-GHO-") for rule in suppressed))


def junit(parcelle: Path, paths: list[Path], report: Report) -> None:
    whole = json.loads(run(parcelle, paths, "json", None))
    # The exit code is not that of --fail-on never here: what fails is in the report.
    command = [parcelle, "check", *paths, "--format", "junit"]
    text = subprocess.run(command, check=False, stdout=subprocess.PIPE).stdout
    suite = ElementTree.fromstring(text).find("testsuite")
    report.check("junit: a test case for each file", len(suite.findall("testcase")) == whole["summary"]["files"])
    report.check("junit: errors are failures", len(suite.findall("testcase/failure")) == whole["summary"]["error"])


def opened(page: Page, path: Path, name: str, report: Report) -> Page:
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_function("document.getElementById('shown').textContent !== ''")
    report.check(f"page {name}: no errors in the console", not problems, problems[:3])
    report.check(f"page {name}: nothing is loaded", requests == [path.as_uri()], requests[:3])
    return page


def works(page: Page, parcelle: Path, paths: list[Path], name: str, report: Report) -> None:
    whole = json.loads(run(parcelle, paths, "json", None))
    counts = whole["summary"]
    visible = "[...document.querySelectorAll('tbody.file')].filter((file) => file.offsetParent !== null).length"

    def shown(expected: int, what: str) -> None:
        page.wait_for_timeout(50)
        count = page.evaluate(visible)
        report.check(f"page {name}: {what}", count == expected, f"{count} files, not {expected}")
        told = page.text_content("#shown")
        report.check(f"page {name}: {what}: the count is told", str(expected) in told, told)

    shown(counts["files"], "all files are there")
    page.click("button[data-filter-verdict=error]")
    shown(counts["error"], "a click on a verdict filters")
    page.click("form.filters button[type=reset]")
    shown(counts["files"], "the filters can be taken back")
    page.uncheck("input[name=verdict][value=ok]")
    shown(counts["files"] - counts["ok"], "a verdict can be left out")
    page.click("form.filters button[type=reset]")
    rule = page.get_attribute("button[data-filter-rule]", "data-filter-rule")
    with_rule = sum(any(finding["rule"] == rule for finding in file["findings"]) for file in whole["files"])
    page.click(f"button[data-filter-rule='{rule}']")
    shown(with_rule, "a click on a rule filters")
    page.click("form.filters button[type=reset]")
    page.fill("#filter-text", "ÉTÉ <b>")
    shown(sum("été <b>" in file["path"].lower() for file in whole["files"]), "text filters, whatever its case")
    page.fill("#filter-text", "")

    toggle = page.locator("tbody.file .toggle").first
    detail = page.locator("#" + toggle.get_attribute("aria-controls"))
    toggle.focus()
    page.keyboard.press("Enter")
    report.check(f"page {name}: the keyboard unfolds a file", toggle.get_attribute("aria-expanded") == "true" and detail.is_visible())
    page.keyboard.press("Enter")
    report.check(f"page {name}: and folds it again", toggle.get_attribute("aria-expanded") == "false" and not detail.is_visible())
    page.click("#open-all")
    pictures = page.locator("figure svg[role=img]:visible").count()
    report.check(f"page {name}: there are pictures", pictures > 20, pictures)
    copied = page.evaluate(
        """async () => {
            const button = document.querySelector("button.copy");
            button.click();
            await new Promise((resolve) => setTimeout(resolve, 200));
            return [await navigator.clipboard.readText(), button.parentElement.querySelector("code").textContent];
        }"""
    )
    report.check(f"page {name}: a command is copied whole", copied[0] == copied[1], copied)

    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, a[href], svg[role=img], [role=search]")]
            .filter((element) => !(element.textContent.trim() || element.getAttribute("aria-label") || element.labels?.length))
            .map((element) => element.outerHTML.slice(0, 120))"""
    )
    report.check(f"page {name}: everything has a name for those who hear it", not unnamed, unnamed[:3])
    doubled = page.evaluate(
        """() => { const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
            return ids.filter((id, place) => ids.indexOf(id) !== place); }"""
    )
    report.check(f"page {name}: ids are unique", not doubled, doubled[:3])
    dead = page.evaluate(
        """() => [...document.querySelectorAll("a[href^='#']")].map((link) => link.getAttribute("href").slice(1))
            .filter((id) => !document.getElementById(id))"""
    )
    report.check(f"page {name}: links lead somewhere", not dead, dead[:3])
    page.set_viewport_size({"width": 400, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth")
    report.check(f"page {name}: a narrow screen has nothing to scroll to the side", wide <= 401, wide)
    for scheme in ["light", "dark"]:
        page.emulate_media(color_scheme=scheme)
        ratio = page.evaluate(CONTRAST)
        report.check(f"page {name}: text can be read in {scheme}", ratio[0] >= 4.5, ratio)
    page.emulate_media(media="print")
    hidden = page.evaluate("[...document.querySelectorAll('tr.detail')].filter((row) => row.offsetParent === null).length")
    report.check(f"page {name}: on paper every file is unfolded", hidden == 0, hidden)


# The least contrast of a text with what lies below it (WCAG 2.2, 1.4.3 asks for 4.5), of the elements that carry meaning.
CONTRAST = """() => {
    const channels = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = ([red, green, blue]) => [red, green, blue].map((value) => value / 255)
        .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
    const ground = (element) => {
        for (; element; element = element.parentElement) {
            const color = channels(getComputedStyle(element).backgroundColor);
            if (color.length === 3 || color[3] > 0) return color;
        }
        return [255, 255, 255];
    };
    let least = [21, ""];
    for (const element of document.querySelectorAll(".badge, td.cell, .meaning, p, a, .toggle, dt, button, figcaption")) {
        const [one, other] = [light(channels(getComputedStyle(element).color)), light(ground(element))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < least[0]) least = [ratio, element.outerHTML.slice(0, 100)];
    }
    return least;
}"""


def many(chromium, parcelle: Path, testdata: Path, scratch: Path, report: Report) -> None:
    folder = scratch / "many"
    folder.mkdir()
    sources = sorted((testdata / "cog").glob("*.tif"))
    for number in range(MANY_FILES):
        os.link(scratch_copy(sources[number % len(sources)], scratch), folder / f"{number:05}.tif")
    path = scratch / "many.html"
    run(parcelle, [folder], "html", path)
    page = chromium.new_page()
    start = time.monotonic()
    page.goto(path.as_uri())
    page.wait_for_function(f"document.getElementById('shown').textContent.includes('{MANY_FILES}')")
    seconds = time.monotonic() - start
    report.note(f"page of {MANY_FILES} files: {path.stat().st_size / 1e6:.1f} MB, open after {seconds:.2f} s")
    report.check(f"page of {MANY_FILES} files: opens quickly", seconds < MOST_LOAD_SECONDS, f"{seconds:.2f} s")
    seconds = page.evaluate(
        """async () => {
            const start = performance.now();
            document.getElementById("filter-text").value = "0199";
            document.querySelector("form.filters").dispatchEvent(new Event("input"));
            document.body.offsetHeight;
            await new Promise(requestAnimationFrame);
            return (performance.now() - start) / 1000;
        }"""
    )
    report.note(f"page of {MANY_FILES} files: filtered in {seconds:.3f} s")
    report.check(f"page of {MANY_FILES} files: filters quickly", seconds < MOST_FILTER_SECONDS, f"{seconds:.3f} s")
    page.close()


# Runs a command, and says on standard error how many KiB it held at most.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def soak(parcelle: Path, testdata: Path, scratch: Path, report: Report) -> None:
    """20,000 files of every kind in one run take the memory of 2,000."""
    sources = [path for folder in ["cog", "vrt"] for path in sorted((testdata / folder).iterdir()) if path.suffix in {".tif", ".vrt"}]
    peaks = {}
    for count in SOAK_FILES:
        folder = scratch / f"soak-{count}"
        for number in range(count):
            source = sources[number % len(sources)]
            place = folder / f"{number // 500:03}" / f"{number:05}{source.suffix}"
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(scratch_copy(source, scratch), place)
        start = time.monotonic()
        output = scratch / f"soak-{count}.jsonl"
        command = [parcelle, "check", folder, "--format", "jsonl", "--fail-on", "never"]
        with output.open("wb") as out:
            # A small process in between: a child counts the memory of the one it was forked from as its own.
            measured = subprocess.run([sys.executable, "-c", MEASURE, *command], stdout=out, stderr=subprocess.PIPE, text=True)
        seconds = time.monotonic() - start
        last = json.loads(output.read_bytes().splitlines()[-1])
        report.check(f"soak: {count} files are checked", measured.returncode == 0 and last["summary"]["files"] == count, f"{measured} {last}")
        peaks[count] = int(measured.stderr.split()[-1]) / 1024
        report.note(f"soak: {count} files in {seconds:.1f} s, {peaks[count]:.0f} MiB at most")
        shutil.rmtree(folder)
    few, many_files = (peaks[count] for count in SOAK_FILES)
    report.check("soak: memory is flat", many_files < few * 1.2 + 8, peaks)


def scratch_copy(source: Path, scratch: Path) -> Path:
    """A copy on the file system of the scratch directory, which hard links need."""
    copy = scratch / "sources" / source.name
    if not copy.exists():
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(source, copy)
    return copy
