"""screen - what a terminal shows of what was written to it, as far as our programs move its cursor."""
import re
import unicodedata

PIECE = re.compile(r"\x1b\[(\d*)([A-Za-z])|([\s\S])")


class Screen:
    """`rows` hold a character for each column; `wrapped`: how many lines were too long for theirs."""

    def __init__(self, columns):
        self.columns, self.rows, self.row, self.column, self.wrapped, self.strange = columns, [""], 0, 0, 0, []

    def feed(self, text):
        for number, command, char in PIECE.findall(text):
            if command:
                self.control(command, int(number or 1))
            elif char == "\n":
                self.go_down()
            elif char == "\r":
                self.column = 0
            else:
                self.put(char)
        return self

    def control(self, command, number):
        if command == "A":
            self.row = max(0, self.row - number)
        elif command == "J":
            self.rows[self.row:] = [self.rows[self.row][:self.column]]
        elif command == "K":
            self.rows[self.row] = self.rows[self.row][:self.column]
        elif command != "m":
            self.strange.append(command)

    def go_down(self):
        self.row, self.column = self.row + 1, 0
        self.rows += [""] * (self.row + 1 - len(self.rows))

    def put(self, char):
        if not char.isprintable():
            self.strange.append(char)
        width = 0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        if self.column + width > self.columns:
            self.wrapped += 1
            self.go_down()
        line = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = line[:self.column] + char + "\0" * (width - 1) + line[self.column + width:]
        self.column += width

    def shown(self):
        return [row.replace("\0", "").rstrip() for row in self.rows if row.strip()]
