// SPDX-License-Identifier: MIT
// What WCAG 2.2 asks of a page, as far as a program can see it: names, structure, references, contrast.
// Returns a list of sentences; an empty one is good.
function audit() {
	const found = [];
	const all = (what) => [...document.querySelectorAll(what)];
	const where = (e) => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') +
		(e.getAttribute('class') ? '.' + e.getAttribute('class') : '') +
		' "' + (e.textContent || '').trim().slice(0, 40) + '"';
	const shown = (e) => e.checkVisibility({checkOpacity: false, checkVisibilityCSS: true});

	if (!document.documentElement.lang) found.push('no language');
	if (!document.title.trim()) found.push('no title');
	if (!document.querySelector('meta[name=viewport]')) found.push('no viewport');

	// Landmarks (1.3.1, 2.4.1): one of each, and all text is inside one.
	for (const name of ['header', 'main', 'footer'])
		if (all('body > ' + name).length !== 1) found.push('not one ' + name);
	for (const e of all('section'))
		if (!e.getAttribute('aria-labelledby')) found.push('section without a name: ' + where(e));

	// Headings (1.3.1): one h1, no level left out.
	let level = 0;
	if (all('h1').length !== 1) found.push('not one h1');
	for (const e of all('h1,h2,h3,h4,h5,h6')) {
		const next = Number(e.tagName[1]);
		if (next > level + 1) found.push('heading too deep: ' + where(e));
		if (!e.textContent.trim()) found.push('empty heading');
		level = next;
	}

	// Ids (4.1.1) and what refers to them.
	const ids = all('[id]').map((e) => e.id);
	for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i)))
		found.push('id twice: ' + id);
	for (const name of ['aria-labelledby', 'aria-describedby', 'for'])
		for (const e of all('[' + name + ']'))
			for (const id of e.getAttribute(name).split(/\s+/)) {
				const target = document.getElementById(id);
				if (!target) found.push(name + ' to nowhere: ' + id);
				else if (!target.textContent.trim() && name !== 'for')
					found.push(name + ' to nothing: ' + id);
			}
	for (const e of all('a[href^="#"]'))
		if (!document.getElementById(e.getAttribute('href').slice(1)))
			found.push('link to nowhere: ' + where(e));

	// Pictures (1.1.1): a name, or hidden from those who cannot see them.
	for (const e of all('img,svg')) {
		if (e.closest('[aria-hidden=true]') || e.parentElement.closest('svg')) continue;
		const image = e.closest('[role=img]');
		if (!image || !(image.getAttribute('aria-label') || image.getAttribute('aria-labelledby')))
			found.push('picture without a name: ' + where(e.parentElement));
	}

	// Controls (4.1.2, 1.3.1) and tables.
	for (const e of all('input,select,textarea,button'))
		if (!e.labels || !e.labels.length) found.push('no label: ' + where(e));
	for (const e of all('input[type=radio]'))
		if (!e.closest('fieldset') || !e.closest('fieldset').querySelector('legend'))
			found.push('choice without a legend: ' + where(e));
	for (const e of all('a'))
		if (!e.textContent.trim()) found.push('link without text');
	for (const e of all('th'))
		if (!e.scope) found.push('th without scope: ' + where(e));
	for (const e of all('table'))
		if (!e.caption && !(e.closest('section') || {}).id) found.push('table without a name');
	for (const e of all('ol,ul'))
		for (const child of e.children)
			if (child.tagName !== 'LI') found.push('no list item: ' + where(child));
	for (const e of all('[tabindex]'))
		if (e.tabIndex > 0) found.push('order of focus: ' + where(e));

	// Contrast (1.4.3): every visible text against what is behind it.
	const parse = (text) => (text.match(/[\d.]+/g) || []).map(Number);
	const luminance = (c) => {
		const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map(
			(v) => v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] === 1) return c;
			if (c.length === 4 && c[3] > 0) found.push('half transparent: ' + where(e));
		}
		return [255, 255, 255];
	};
	let texts = 0, least = 21;
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const e = walker.currentNode.parentElement;
		if (!walker.currentNode.data.trim() || e.closest('script,style,noscript') || !shown(e))
			continue;
		const style = getComputedStyle(e);
		const colour = parse(e.closest('svg') ? style.fill : style.color);
		const a = luminance(colour), b = luminance(behind(e));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		texts++;
		least = Math.min(least, ratio);
		if (ratio < 4.5 || (colour.length === 4 && colour[3] < 1))
			found.push('contrast ' + ratio.toFixed(2) + ': ' + where(e));
		if (parseFloat(style.fontSize) < 11) found.push('tiny: ' + where(e));
	}
	if (texts < 100) found.push('only ' + texts + ' texts were looked at');

	// Shapes that carry meaning (1.4.11), and what a finger must hit (2.5.8).
	for (const e of all('#state .f, .c')) {
		const style = getComputedStyle(e);
		const colour = parse(style.fill === 'none' ? style.stroke : style.fill);
		const a = luminance(colour), b = luminance(behind(e));
		if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 3)
			found.push('shape too faint: ' + where(e));
	}
	for (const e of all('label')) {
		const box = e.getBoundingClientRect();
		if (shown(e) && (box.width < 24 || box.height < 24)) found.push('small: ' + where(e));
	}
	return found;
}
