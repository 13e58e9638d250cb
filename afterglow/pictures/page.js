"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const MANY_MARKS = 1500; // an SVG of more would be slow
  const ROWS_SHOWN = 200; // of a picture's numbers
  const PAGE = 25;

  // Small words

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const counted = (number, thing) => `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;
  const steady = (seconds) => Number((seconds * 100).toFixed(6));
  const delayTold = (lower, upper) => {
    const from = (Math.floor(steady(lower)) / 100).toFixed(2);
    return upper === null ? `over ${from} s` : `${from} to ${(Math.ceil(steady(upper)) / 100).toFixed(2)} s`;
  };
  const dayOf = (night) => new Date(data.frame.starts[night]).toISOString().slice(0, 10);
  const cell = (text, className) => make("td", className ? { class: className } : {}, text);
  const verdictCell = (verdict, why) => {
    const box = make("td", {}, make("span", { class: `verdict ${verdict.replace(" ", "-")}` }, verdict));
    if (why) box.append(make("span", { class: "why" }, why));
    return box;
  };

  // Data: columns back to rows

  const unpacked = (columns) => {
    const names = Object.keys(columns);
    const values = names.map((name) => {
      const column = columns[name];
      if (Array.isArray(column)) return column;
      return column.is ? column.is.map((number) => column.of[number]) : Array(column.times).fill(column.all);
    });
    const rows = [];
    for (let i = 0; names.length && i < values[0].length; i++) {
      rows.push(Object.fromEntries(names.map((name, n) => [name, values[n][i]])));
    }
    return rows;
  };
  const opened = (picture) => {
    const datasets = {};
    for (const [name, columns] of Object.entries(picture.datasets)) datasets[name] = unpacked(columns);
    return { datasets, params: { ...data.frame, ...picture.params } };
  };

  // Pictures

  const painted = (spec, colours) => {
    if (Array.isArray(spec)) return spec.map((each) => painted(each, colours));
    if (spec && typeof spec === "object") {
      return Object.fromEntries(Object.entries(spec).map(([key, value]) => [key, painted(value, colours)]));
    }
    return typeof spec === "string" && spec[0] === "@" ? colours[spec.slice(1)] ?? spec : spec;
  };
  const shown = {}; // what is drawn where, so that it can be drawn anew in other colours

  const draw = async (id, name, picture, label) => {
    const place = at(id).querySelector(".chart");
    const turn = (shown[id]?.turn ?? 0) + 1;
    shown[id]?.embedded?.finalize();
    shown[id] = { name, picture, label, turn };
    const spec = painted(data.specs[name], data.colours[dark.matches ? "dark" : "light"]);
    spec.params = spec.params.map((param) => ({ ...param, value: picture.params[param.name] ?? null }));
    spec.height = picture.params.height ?? spec.height;
    spec.datasets = { ...spec.datasets, ...picture.datasets };
    const marks = Object.values(picture.datasets).reduce((sum, rows) => sum + rows.length, 0);
    const embedded = await vegaEmbed(place, spec, {
      mode: "vega-lite",
      actions: false,
      renderer: marks > MANY_MARKS ? "canvas" : "svg",
      tooltip: { theme: dark.matches ? "dark" : "light" },
    });
    place.querySelector("svg, canvas").setAttribute("aria-hidden", "true");
    place.removeAttribute("aria-roledescription");
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", label);
    if (shown[id].turn === turn) shown[id].embedded = embedded;
    else embedded.finalize();
    at(id).dataset.drawn = String(turn);
  };
  dark.addEventListener("change", () => {
    for (const [id, { name, picture, label }] of Object.entries(shown)) draw(id, name, picture, label);
  });

  // The numbers of a picture, made only when somebody asks for them

  const numbers = (id, caption, heads, rows) => {
    const details = at(id).querySelector("details");
    const place = details.querySelector(".numbers");
    const fill = () => {
      const first = rows.slice(0, ROWS_SHOWN);
      const more = rows.length > first.length ? ` The first ${first.length} of ${counted(rows.length, "row")}.` : "";
      const table = make("table", {}, make("caption", {}, caption + more));
      table.append(make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))));
      const lines = first.map(([head, ...cells]) =>
        make("tr", {}, make("th", { scope: "row" }, head), ...cells.map((text) => cell(text))));
      table.append(make("tbody", {}, ...lines));
      place.replaceChildren(table);
      place.tabIndex = 0;
      place.setAttribute("role", "region");
      place.setAttribute("aria-label", caption);
    };
    details.ontoggle = () => details.open && fill();
    if (details.open) fill();
  };
  const percent = (share) => `${Number((share * 100).toFixed(1))} %`;

  // What the pictures are about

  let study;

  const choose = (one) => {
    study = one;
    at("action").value = one.action;
    fillThrough();
    at("through").value = String(data.studies.indexOf(one));
    const about = `${one.action}, ${one.through}`;
    at("told").replaceChildren(...(one.group ? one.told.map((line) => make("p", {}, capital(line))) : []));
    drawSurvival(about);
    drawNights(about);
    drawAges(about);
    fillGlance();
  };

  const caption = (id, text) => at(id).querySelector("figcaption").replaceChildren(text);

  const drawSurvival = (about) => {
    const picture = opened(study.pictures.survival);
    caption("survival", study.captions.survival);
    at("beyond").textContent = study.captions.beyond;
    draw("survival", "survival", picture, `Survival curve of ${about}; what it shows is said below`);
    const { band, unknown, references } = picture.datasets;
    const rows = band.map((row) => [`from ${Number(row.t_s.toFixed(3))} s`, percent(row.low), percent(row.high)]);
    for (const row of unknown) rows.push([`after ${Number(row.from_s.toFixed(3))} s, unknown`, percent(0), percent(row.share)]);
    for (const row of references) rows.push([`${row.name}, at ${row.at_s} s`, "", ""]);
    numbers("survival", `Share still in, ${about}`, ["Time since the log-out", "At least", "At most"], rows);
  };

  const since = () => {
    const last = Number(at("stretch").value);
    return last ? Math.max(0, data.nights.length - last) : 0;
  };
  const cut = (picture) => {
    const first = since();
    const datasets = {};
    for (const [name, rows] of Object.entries(picture.datasets)) {
      datasets[name] = rows.filter((row) => row.night >= first);
    }
    const { starts, from_at, to_at } = data.frame;
    const room = 0.02 * (starts.at(-1) - starts[first]);
    const stretch = first ? { from_at: starts[first] - room, to_at: starts.at(-1) + room, shown: starts.length - first } : {};
    return { datasets, params: { ...picture.params, from_at, to_at, ...stretch } };
  };
  const drawNights = (about) => {
    const picture = cut(opened(study.pictures.nights));
    caption("nights", study.captions.nights);
    draw("nights", "nights", picture, `Delays night by night, ${about}; what it shows is said below`);
    const rows = picture.datasets.bars.map((row) => [row.night, delayTold(row.lower_s, row.upper_s), row.kind]);
    for (const row of picture.datasets.marks) if (row.kind === "not measured") rows.push([row.night, "", row.kind]);
    rows.sort((one, other) => other[0] - one[0]);
    const told = rows.map(([night, ...rest]) => [`${dayOf(night)} (${data.nights[night]})`, ...rest]);
    numbers("nights", `Nights, newest first, ${about}`, ["Night", "Delay", "Verdict"], told);
  };

  const drawAges = (about) => {
    const ages = opened(study.pictures.nights).datasets.bars.filter((row) => row.age_s !== null);
    const picture = { datasets: { ages }, params: opened(study.pictures.ages).params };
    caption("ages", study.captions.ages);
    at("ages").classList.toggle("without", !ages.length);
    at("ages").querySelector(".chart").hidden = !ages.length;
    at("ages").querySelector("details").hidden = !ages.length;
    if (ages.length) draw("ages", "ages", picture, `Delays by the token's age, ${about}; what it shows is said below`);
    const rows = ages.map((row) => [`${row.age_s} s`, delayTold(row.lower_s, row.upper_s), row.kind, dayOf(row.night)]);
    numbers("ages", `Delays by the token's age, ${about}`, ["Age of the token", "Delay", "Verdict", "Night"], rows);
  };

  const GROUPS = { "": "", door: "One door", product: "One product", browser: "One browser" };
  const fillThrough = () => {
    const mine = data.studies.filter((each) => each.action === study.action);
    const options = Object.keys(GROUPS).flatMap((group) => {
      const many = mine.filter((each) => each.group === group)
        .map((each) => make("option", { value: data.studies.indexOf(each) }, each.through));
      return group && many.length ? [make("optgroup", { label: GROUPS[group] }, ...many)] : many;
    });
    at("through").replaceChildren(...options);
  };

  const fillGlance = () => {
    at("glance-about").textContent = `${capital(study.action)}. Choose one to see its pictures above.`;
    const mine = data.studies.filter((each) => each.action === study.action);
    at("glance").tBodies[0].replaceChildren(...mine.map((each) => {
      const button = make("button", { type: "button" }, each.through);
      button.onclick = () => { choose(each); at("closer").scrollIntoView(); at("through").focus(); };
      const kind = each.group && each.group !== "door" ? make("span", { class: "soft" }, `, ${each.group}`) : "";
      const { nights, median, p95, late, undetermined } = each.glance;
      const row = make("tr", each === study ? { class: "chosen" } : {}, make("th", { scope: "row" }, button, kind),
        cell(median, "nowrap"), cell(p95, "nowrap"), cell(nights, "number"), cell(late, "number"), cell(undetermined, "number"));
      return row;
    }));
  };

  const setUpPictures = () => {
    document.querySelector(".pictures").hidden = false;
    const actions = [...new Set(data.studies.map((each) => each.action))];
    at("action").replaceChildren(...actions.map((action) => make("option", {}, action)));
    const many = data.nights.length;
    const stretches = [["", `all ${many.toLocaleString("en")}`], ...[30, 90, 365].filter((n) => n < many).map((n) => [n, `the last ${n}`])];
    at("stretch").replaceChildren(...stretches.map(([value, text]) => make("option", { value }, text)));
    at("stretch").closest(".field").hidden = stretches.length < 2;
    at("action").onchange = () => choose(data.studies.find((each) => each.action === at("action").value));
    at("through").onchange = () => choose(data.studies[Number(at("through").value)]);
    at("stretch").onchange = () => drawNights(`${study.action}, ${study.through}`);
    choose(data.studies[0]);
    setUpDoors();
  };

  // The doors of the last night

  const setUpDoors = () => {
    if (!data.doors.length) {
      at("doors-title").closest("section").hidden = true;
      return;
    }
    if (!data.doors[0].is_last) at("doors-title").textContent = `Which door closed when, in the last night that tells (${data.doors[0].night})`;
    at("door-log-out").replaceChildren(...data.doors.map((each, n) => make("option", { value: n }, each.name)));
    at("door-log-out").onchange = () => drawDoors(data.doors[Number(at("door-log-out").value)]);
    const first = data.doors.findIndex((each) => each.action === study.action);
    at("door-log-out").value = String(Math.max(0, first));
    drawDoors(data.doors[Math.max(0, first)]);
  };
  const drawDoors = (one) => {
    const picture = opened(one.picture);
    caption("doors", one.told);
    draw("doors", "doors", picture, `Which door closed when, ${one.name}; what it shows is said below`);
    const doors = picture.datasets.doors.filter((row) => row.lower_s !== null);
    const rows = doors.map((row) => [row.line.replace("\n", " "), row.about, row.told, row.verdict]);
    numbers("doors", `Doors, ${one.name}`, ["Door", "Which is", "Closed after", "Verdict"], rows);
  };

  // The table

  const COLUMNS = [
    { name: "Clicked (UTC)", key: (row) => row.clicked },
    { name: "Log-out", key: (row) => row.action },
    { name: "Delay", key: (row) => row.lower_s },
    { name: "Verdict", key: (row) => row.verdict },
    { name: "Window", key: (row) => row.window_s },
    { name: "Token's age", key: (row) => row.token_age_s },
    { name: "Report" },
    { name: "Machine", key: (row) => row.machine },
    { name: "Browser", key: (row) => row.browser },
    { name: "Run", key: (row) => row.run },
  ];
  const FILTERS = { "by-action": "action", "by-verdict": "verdict", "by-machine": "machine", "by-browser": "browser" };

  const setUpTable = () => {
    const rows = unpacked(data.logOuts);
    for (const row of rows) row.text = [row.clicked, data.nights[row.night], row.action, row.verdict, row.why, row.machine, row.browser, row.run].join(" ").toLowerCase();
    document.querySelector("section.table").hidden = false;
    let sorted = { column: 0, down: true };
    let page = 0;
    let found = rows;

    for (const [id, name] of Object.entries(FILTERS)) {
      const values = [...new Set(rows.map((row) => row[name]))].sort();
      at(id).replaceChildren(make("option", { value: "" }, "any"),
        ...values.map((value, n) => make("option", { value: `=${value}` }, value || "not noted")));
      at(id).closest(".field").hidden = values.length < 2;
      at(id).onchange = () => { page = 0; list(); };
    }
    at("find").oninput = () => { page = 0; list(); };
    at("find").form.onsubmit = () => false;

    const heads = COLUMNS.map((column, n) => {
      if (!column.key) return make("th", { scope: "col" }, column.name);
      const button = make("button", { type: "button" }, column.name, make("span", { class: "arrow", "aria-hidden": "true" }));
      button.onclick = () => {
        sorted = { column: n, down: sorted.column === n ? !sorted.down : false };
        page = 0;
        list();
      };
      return make("th", { scope: "col" }, button);
    });
    at("log-outs").tHead.rows[0].replaceChildren(...heads);

    const compare = (one, other) => {
      if (one === null || other === null) return (one === null) - (other === null); // last, either way
      return (sorted.down ? -1 : 1) * (one < other ? -1 : one > other ? 1 : 0);
    };
    const report = (row) => {
      const link = data.links[row.night];
      if (!link) return cell("no report", "soft nowrap");
      return make("td", {}, make("a", { href: link }, "report", make("span", { class: "unseen" }, ` of night ${data.nights[row.night]}`)));
    };
    const line = (row) => make("tr", {},
      make("th", { scope: "row", class: "nowrap" }, row.clicked),
      cell(row.action, "nowrap"),
      cell(delayTold(row.lower_s, row.upper_s), "nowrap"),
      verdictCell(row.verdict, row.why),
      cell(`${row.window_s} s`, "nowrap"),
      cell(row.token_age_s === null ? "" : `${row.token_age_s} s`, "nowrap"),
      report(row), cell(row.machine), cell(row.browser, "nowrap"), cell(row.run));

    const list = () => {
      const words = at("find").value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = Object.entries(FILTERS).map(([id, name]) => [name, at(id).value]).filter(([, value]) => value);
      const { key } = COLUMNS[sorted.column];
      found = rows.filter((row) => words.every((word) => row.text.includes(word))
        && wanted.every(([name, value]) => `=${row[name]}` === value));
      found.sort((one, other) => compare(key(one), key(other)) || other.night - one.night);
      heads.forEach((head, n) => {
        const mine = n === sorted.column;
        if (mine) head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
        const arrow = head.querySelector(".arrow");
        if (arrow) arrow.textContent = mine ? (sorted.down ? "▾" : "▴") : "";
      });
      show();
    };
    const show = () => {
      const pages = Math.max(1, Math.ceil(found.length / PAGE));
      const part = found.slice(page * PAGE, (page + 1) * PAGE);
      at("log-outs").tBodies[0].replaceChildren(...part.map(line));
      const all = found.length === rows.length ? "" : ` of ${rows.length.toLocaleString("en")}`;
      at("count").textContent = found.length || !rows.length ? `${found.length.toLocaleString("en")}${all} ${rows.length === 1 ? "log-out" : "log-outs"}` : "No log-out is like that";
      at("page").textContent = `${page + 1} of ${pages}`;
      at("previous").disabled = page === 0;
      at("next").disabled = page >= pages - 1;
      document.querySelector(".pages").hidden = pages === 1;
    };
    at("previous").onclick = () => { page--; show(); };
    at("next").onclick = () => { page++; show(); };
    list();
  };

  at("no-script").remove();
  if (data.studies.length) setUpPictures();
  setUpTable();
})();
