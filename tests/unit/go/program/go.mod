module example.com/gotape/program

go 1.21

require example.com/gotape/dep v1.2.3

replace example.com/gotape/dep => ./dep
