# A text file as a C array of its bytes: cmake -DIN=page.html -DOUT=page.c -DNAME=story_page -P embed.cmake

file(READ ${IN} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "(char)0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "/* Made from ${IN}. */\nextern const char ${NAME}[];\nconst char ${NAME}[] = {${bytes}0};\n")
