-- How each thing looks in HTML and in Typst: figures, tables, equations, callouts, tabs, code.
local M = {}

local function raw(book, text) return pandoc.RawBlock(book.target == 'html' and 'html' or 'typst', text) end
local function escape(s)
  return (s:gsub('&', '&amp;'):gsub('<', '&lt;'):gsub('>', '&gt;'):gsub('"', '&quot;'))
end
M.escape = escape

-- A Typst string literal.
function M.literal(s)
  return '"' .. s:gsub('\\', '\\\\'):gsub('"', '\\"'):gsub('\n', '\\n'):gsub('\t', '    '):gsub('\r', '') .. '"'
end

local function wrap(book, before, blocks, after)
  local out = pandoc.Blocks{raw(book, before)}
  out:extend(blocks)
  out:insert(raw(book, after))
  return out
end

-- Inlines between raw text: no blank may come between them.
local function line(book, before, inlines, after)
  local format = book.target == 'html' and 'html' or 'typst'
  local out = pandoc.Inlines{pandoc.RawInline(format, before)}
  out:extend(inlines)
  out:insert(pandoc.RawInline(format, after))
  return pandoc.Plain(out)
end

-- A figure or table: {id, kind, body, caption, name, number, panel}, the last three optional.
function M.float(book, it)
  local caption = pandoc.Inlines{}
  if it.panel then caption:extend{pandoc.Str('(' .. it.panel .. ')'), pandoc.Space()} end
  if it.number then
    local head = it.name .. '\u{a0}' .. it.number .. (#it.caption > 0 and ':' or '')
    caption:extend{pandoc.Span({pandoc.Strong{pandoc.Str(head)}}, pandoc.Attr('', {'float-number'})),
      pandoc.Space()}
  end
  caption:extend(it.caption)
  local class = it.panel and 'panel' or it.kind
  if book.target == 'typst' then
    local out = pandoc.Blocks{line(book, '#figure(kind: "' .. class
      .. '", supplement: none, numbering: none, caption: [', caption, '])[')}
    out:extend(it.body)
    out:insert(raw(book, ']' .. (it.id ~= '' and '<' .. it.id .. '>' or '')))
    return out
  end
  local id = it.id ~= '' and ' id="' .. escape(it.id) .. '"' or ''
  local text = line(book, '<figcaption>', caption, '</figcaption>')
  local out = pandoc.Blocks{raw(book, '<figure class="float float-' .. class .. '"' .. id .. '>')}
  if it.kind == 'tbl' and #caption > 0 then out:insert(text) end
  out:extend(it.body)
  if it.kind ~= 'tbl' and #caption > 0 then out:insert(text) end
  out:insert(raw(book, '</figure>'))
  return out
end

function M.columns(book, blocks, count)
  if not count then return blocks end
  if book.target == 'html' then
    return wrap(book, '<div class="layout" style="--columns: ' .. escape(count) .. '">', blocks, '</div>')
  end
  local n = math.max(1, math.tointeger(tonumber(count)) or 1)
  local out = pandoc.Blocks{raw(book, '#grid(columns: (1fr,) * ' .. n .. ', gutter: 1em, align: bottom + center,')}
  for _, block in ipairs(blocks) do out:extend(wrap(book, '[', {block}, '],')) end
  out:insert(raw(book, ')'))
  return out
end

function M.equation(book, id, number, math)
  local n = '(' .. number .. ')'
  if book.target == 'html' then
    return pandoc.Span({math, pandoc.Span(n, pandoc.Attr('', {'equation-number'}))},
      pandoc.Attr(id, {'equation'}))
  end
  return pandoc.Span{
    pandoc.RawInline('typst', '#[#set math.equation(numbering: (..) => "' .. n .. '", supplement: none)\n'),
    math, pandoc.RawInline('typst', ' <' .. id .. '>]')}
end

-- .content-visible and .content-hidden with when-format or unless-format, before anything else.
function M.conditional(book)
  local function is(format)
    return format == book.target or (format == 'pdf' and book.target == 'typst')
  end
  local function choose(element)
    local shown = element.classes:includes('content-visible')
    if not shown and not element.classes:includes('content-hidden') then return nil end
    local when, unless = element.attributes['when-format'], element.attributes['unless-format']
    local hit = (not when or is(when)) and (not unless or not is(unless))
    if hit == shown then return element.content end
    return {}
  end
  return {Div = choose, Span = choose}
end

local function callout(book, div, class)
  local title = div.attributes.title
  title = title and pandoc.utils.blocks_to_inlines(pandoc.read(title, 'markdown').blocks)
  if div.content[1] and div.content[1].t == 'Header' then
    title = div.content[1].content
    div.content:remove(1)
  end
  title = title or pandoc.Inlines{pandoc.Str((class:gsub('^%l', string.upper)))}
  if book.target == 'typst' then
    local out = pandoc.Blocks{line(book, '#callout("' .. class .. '", [', title, '])[')}
    out:extend(div.content)
    out:insert(raw(book, ']'))
    return out
  end
  local fold = div.attributes.collapse
  local outer = fold and 'details' or 'div'
  local open = (fold and fold ~= 'true' and ' open' or '') .. (fold and '' or ' role="note"')
  local inner = fold and 'summary' or 'p'
  local out = pandoc.Blocks{
    raw(book, '<' .. outer .. ' class="callout callout-' .. class .. '"' .. open .. '>'),
    line(book, '<' .. inner .. ' class="callout-title">', title, '</' .. inner .. '>'),
    raw(book, '<div class="callout-body">')}
  out:extend(div.content)
  out:insert(raw(book, '</div></' .. outer .. '>'))
  return out
end

local function tabs(book, div)
  local out, level = pandoc.Blocks{}, nil
  for _, block in ipairs(div.content) do
    if block.t == 'Header' and (not level or block.level == level) then
      if book.target == 'html' then
        if level then out:insert(raw(book, '</section>')) end
        out:insert(raw(book, '<section data-tab="' .. escape(pandoc.utils.stringify(block.content)) .. '">'))
      else out:insert(pandoc.Para{pandoc.Strong(block.content)}) end
      level = block.level
    else out:insert(block) end
  end
  if book.target == 'html' and level then out:insert(raw(book, '</section>')) end
  div.content = out
  return div
end

local function code(book, block)
  local fold, summary = block.attributes['code-fold'], block.attributes['code-summary'] or 'Code'
  block.attributes = {}
  if book.target == 'typst' then
    local call = block.classes:includes('cell-output') and '#output(' or
      '#code(' .. M.literal(block.classes[1] or 'text') .. ', '
    return raw(book, call .. M.literal(block.text) .. ')')
  elseif fold == 'true' or fold == 'show' then
    return wrap(book, '<details class="code-fold"' .. (fold == 'show' and ' open' or '') .. '><summary>'
      .. escape(summary) .. '</summary>', {block}, '</details>')
  end
  return block
end

-- For each column, in characters: its longest unbreakable piece and its longest line.
local function column_needs(tbl)
  local least, whole = {}, {}
  for i = 1, #tbl.colspecs do least[i], whole[i] = 1, 1 end
  local function rows(list)
    for _, row in ipairs(list) do
      for i, cell in ipairs(row.cells) do
        local text = pandoc.utils.stringify(cell.contents)
        whole[i] = math.max(whole[i] or 1, math.min(utf8.len(text) or #text, 60))
        for word in text:gsub('\u{200b}', ' '):gmatch('%S+') do
          least[i] = math.max(least[i] or 1, utf8.len(word) or #word)
        end
      end
    end
  end
  rows(tbl.head.rows)
  for _, body in ipairs(tbl.bodies) do rows(body.body) end
  return least, whole
end

-- A wide table gets column widths: each its longest word, and what is left where lines are long.
local function set_widths(tbl, least, whole)
  local page, gap = 88, 2       -- characters in a line of the printed page, and between columns
  local needed, wished = 0, 0
  for i = 1, #least do
    needed = needed + least[i] + gap
    wished = wished + whole[i] + gap
  end
  if wished > page then
    local share = math.max(0, math.min(1, (page - needed) / math.max(1, wished - needed)))
    local widths, total = {}, 0
    for i = 1, #least do
      widths[i] = least[i] + gap + share * (whole[i] - least[i])
      total = total + widths[i]
    end
    for i, spec in ipairs(tbl.colspecs) do tbl.colspecs[i] = {spec[1], widths[i] / total} end
  end
  return needed - gap * #least
end

local function table_of(book, tbl)
  local widths = tbl.attributes['tbl-colwidths']
  tbl.attributes['tbl-colwidths'] = nil
  if widths then
    local total, list = 0, {}
    for w in widths:gmatch('[%d.]+') do table.insert(list, tonumber(w)); total = total + w end
    if #list == #tbl.colspecs then
      for i, spec in ipairs(tbl.colspecs) do tbl.colspecs[i] = {spec[1], list[i] / total} end
    end
  end
  if book.target == 'html' then
    return wrap(book, '<div class="table-scroll" tabindex="0" role="region" aria-label="Table">', {tbl}, '</div>')
  end
  tbl = tbl:walk{Str = function(str)  -- long names may break after . _ / but numbers may not
    if #str.text > 8 and str.text:match('%a') then
      return pandoc.Str((str.text:gsub('([._/])', '%1\u{200b}')))
    end
  end}
  local least, whole = column_needs(tbl)
  local letters = 0
  if widths then for _, n in ipairs(least) do letters = letters + n end
  else letters = set_widths(tbl, least, whole) end
  for i, spec in ipairs(tbl.colspecs) do
    if spec[1] == 'AlignDefault' then tbl.colspecs[i] = {'AlignLeft', spec[2]} end
  end
  return wrap(book, '#fitted(' .. #tbl.colspecs .. ', ' .. letters .. ')[', {tbl}, ']')
end

function M.filter(book)
  local filter = {}
  function filter.Div(div)
    for _, class in ipairs(div.classes) do
      local which = class:match('^callout%-(%a+)$')
      if which then return callout(book, div, which) end
    end
    if div.classes:includes('panel-tabset') then return tabs(book, div) end
    local count = div.attributes['layout-ncol']
    if count then
      div.attributes['layout-ncol'] = nil
      div.content = M.columns(book, div.content, count)
      return div
    end
  end
  function filter.CodeBlock(block) return code(book, block) end
  function filter.Table(tbl) return table_of(book, tbl) end
  function filter.Image(image)
    local alt = image.attributes['fig-alt']
    image.attributes['fig-alt'] = nil
    if alt then image.caption = pandoc.Inlines{pandoc.Str(alt)} end
    if #image.caption == 0 then
      book.fault(image.src, 'has no alternative text; say in fig-alt what the picture shows')
    end
    image.title = ''
    if book.target == 'html' then image.attributes.loading = 'lazy' end
    return image
  end
  function filter.Span(span)  -- a margin note has no margin in print
    if book.target == 'typst' and span.classes:includes('aside') then
      return pandoc.Note{pandoc.Para(span.content)}
    end
  end
  function filter.RawBlock(block)  -- a table shown as HTML becomes a real one in print
    if book.target == 'typst' and block.format == 'html' and block.text:find('<table') then
      local text = block.text:gsub('<style.-</style>', ''):gsub('<p>%d+ rows.-</p>', '')
      return pandoc.read(text, 'html').blocks:walk{Table = filter.Table}
    end
  end
  return filter
end

return M
